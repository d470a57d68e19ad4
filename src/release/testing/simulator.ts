/**
 * A world for the engine on a virtual clock, for its properties: pods start, die and come back, proxies
 * acknowledge late, effects get lost or happen twice, control forgets everything but the stored state. After every
 * effect that touches traffic it checks what must never be.
 */
import assert from 'node:assert/strict'
import type { Random } from '../../base/random.ts'
import { advance, initialState } from '../advance.ts'
import { metricsQueries } from '../metrics-queries.ts'
import type {
  Advance,
  Effect,
  PersonRequests,
  Plan,
  ReleaseState,
  RouteForm,
  RouteWorld,
  WindowNumbers,
  World,
} from '../model.ts'

const POD_START_MS = 700
const ACK_MS = 60
const ECHO_MS = 5
/** Requests per second that the routes get. */
const REQUESTS_PER_SECOND = 100

export interface SimWorkload {
  exists: boolean
  uid: string
  revision: string
  replicas: number
  /** When each pod is ready. */
  pods: number[]
  /** Pods never get ready. */
  isBroken: boolean
}

interface SimRoute {
  exists: boolean
  /** The other release that holds it, or why it cannot say what the release wants. */
  obstacle: Extract<RouteWorld, { kind: 'held' | 'unfit' }> | undefined
  isClaimed: boolean
  /** Null: edited by hand into something that is no form. */
  form: RouteForm | null
  share: number
  acknowledgedAtMs: number
  isRejected: boolean
}

export interface SimTarget {
  readonly stable: SimWorkload
  readonly canary: SimWorkload
  readonly routes: SimRoute[]
}

export interface Simulation {
  plan: Plan
  nowMs: number
  /** As it is stored: text. */
  stored: string
  readonly targets: SimTarget[]
  /** Of the canary's requests, the part that fails. */
  failureRate: number
  approval: string | undefined
  /** Every approval that a person gave: `STEP@REVISION`, the revision that was there at that moment. */
  readonly given: Set<string>
  abort: string | undefined
  requests: PersonRequests
  isDeleting: boolean
  hasFinalizer: boolean
  /** When control started last. */
  watchedSinceMs: number
  /** Share of the effects that get lost; share that happens twice. */
  lossRate: number
  repeatRate: number
  /** The highest share that was reached since the last event that may lower it. */
  reached: number
  mayFall: boolean
  last: Advance | undefined
  readonly random: Random
  readonly log: string[]
}

export function createSimulation(plan: Plan, random: Random, replicas = 2): Simulation {
  const nowMs = 1_000_000
  const workload = (uid: string): SimWorkload => ({
    exists: true,
    uid,
    revision: 'r1',
    replicas,
    pods: Array.from({ length: replicas }, () => nowMs),
    isBroken: false,
  })
  return {
    plan,
    nowMs,
    stored: JSON.stringify(initialState(nowMs)),
    targets: plan.targets.map(({ name, routes }) => ({
      stable: workload(`${name}-old`),
      canary: workload(`${name}-new`),
      routes: routes.map(() => ({
        exists: true,
        obstacle: undefined,
        isClaimed: false,
        form: null,
        share: 0,
        acknowledgedAtMs: nowMs,
        isRejected: false,
      })),
    })),
    failureRate: 0,
    approval: undefined,
    given: new Set(),
    abort: undefined,
    requests: {},
    isDeleting: false,
    hasFinalizer: false,
    watchedSinceMs: nowMs,
    lossRate: 0,
    repeatRate: 0,
    reached: 0,
    mayFall: false,
    last: undefined,
    random,
    log: [],
  }
}

export function stateIn(sim: Simulation): ReleaseState {
  return JSON.parse(sim.stored) as ReleaseState
}

/** A person approves a step for the revision that is there; `named`: says so in the annotation, as the command does. */
export function approve(sim: Simulation, step: string, named: boolean): void {
  const revision = revisionIn(sim)
  sim.given.add(`${step}@${revision}`)
  const entry = named ? `${step}@${revision}` : step
  sim.approval = sim.approval === undefined ? entry : `${sim.approval},${entry}`
}

function revisionIn({ targets }: Simulation): string {
  return targets.map(({ canary }) => canary.revision).join('+')
}

/** One look of the engine, its effects carried out as well as the simulated world allows. */
export function look(sim: Simulation): Advance {
  settle(sim)
  const state = stateIn(sim)
  const world = observe(sim, state)
  const result = advance(sim.plan, state, world, sim.nowMs)
  checkAdvance(sim, world, result)
  // Stored, or control died before it could: then nothing of it happened.
  if (sim.random() < sim.lossRate) return result
  sim.stored = JSON.stringify(result.state)
  sim.last = result
  if (['rolling-back', 'paused', 'rolled-back'].includes(result.state.stage.kind)) sim.mayFall = true
  for (const effect of result.effects) {
    if (sim.random() < sim.lossRate) continue
    run(sim, effect)
    if (sim.random() < sim.repeatRate) run(sim, effect)
  }
  return result
}

/** Looks again and again, time passing, until the release ends, waits for a person, or the time is up. */
export function runUntilRest(sim: Simulation, forMs: number): void {
  const endMs = sim.nowMs + forMs
  while (sim.nowMs < endMs) {
    const { effects, wakeAtMs, report } = look(sim)
    const isOver = report.phase === 'Succeeded' || report.phase === 'RolledBack'
    const isQuiet = effects.every(({ kind }) => kind === 'event')
    if (isQuiet && !sim.hasFinalizer && isOver) return
    if (isQuiet && report.waitsForPerson !== undefined && nextChange(sim) === undefined && sim.lossRate === 0) return
    // What was written comes back as news at once.
    pass(sim, isQuiet ? wakeAtMs : sim.nowMs + ECHO_MS)
  }
}

/** Time goes on to the next thing that happens by itself, but by a second at most. */
export function pass(sim: Simulation, wakeAtMs?: number): void {
  const next = Math.min(nextChange(sim) ?? Infinity, wakeAtMs ?? Infinity, sim.nowMs + 1_000)
  sim.nowMs = Math.max(next, sim.nowMs + 1)
  settle(sim)
}

function nextChange(sim: Simulation): number | undefined {
  const moments = sim.targets.flatMap(({ stable, canary, routes }) => [
    ...stable.pods,
    ...canary.pods,
    ...routes.map(({ acknowledgedAtMs }) => acknowledgedAtMs),
  ])
  const coming = moments.filter((moment) => moment > sim.nowMs && moment !== Infinity)
  return coming.length === 0 ? undefined : Math.min(...coming)
}

/** Deployments bring their pods to the wished number. */
function settle(sim: Simulation): void {
  for (const { stable, canary } of sim.targets) {
    for (const workload of [stable, canary]) {
      const wished = workload.exists ? workload.replicas : 0
      workload.pods.length = Math.min(workload.pods.length, wished)
      while (workload.pods.length < wished) {
        workload.pods.push(workload.isBroken ? Infinity : sim.nowMs + POD_START_MS)
      }
    }
  }
}

export function readyIn(sim: Simulation, workload: SimWorkload): number {
  return workload.pods.filter((readyAtMs) => readyAtMs <= sim.nowMs).length
}

function observe(sim: Simulation, state: ReleaseState): World {
  const workload = (one: SimWorkload): World['targets'][number]['stable'] =>
    one.exists
      ? {
          kind: 'present',
          uid: one.uid,
          revision: one.revision,
          replicas: one.replicas,
          ready: readyIn(sim, one),
          ...(one.isBroken ? { reason: `pod ${one.uid}: CrashLoopBackOff, exit 3` } : {}),
        }
      : { kind: 'missing' }
  return {
    targets: sim.targets.map(({ stable, canary, routes }) => ({
      stable: workload(stable),
      canary: workload(canary),
      routes: routes.map((route) => observeRoute(sim, route)),
    })),
    metrics: metricsQueries(sim.plan, state, sim.nowMs).map(({ target, gate, windowFromMs, sinceLiveFromMs }) => ({
      target,
      gate,
      window: numbers(sim, sim.nowMs - windowFromMs),
      sinceLive: numbers(sim, sim.nowMs - sinceLiveFromMs),
    })),
    ...(sim.approval === undefined ? {} : { approval: sim.approval }),
    requests: sim.requests,
    ...(sim.abort === undefined ? {} : { abort: sim.abort }),
    isDeleting: sim.isDeleting,
    hasFinalizer: sim.hasFinalizer,
    watchedSinceMs: sim.watchedSinceMs,
  }
}

function observeRoute(sim: Simulation, route: SimRoute): RouteWorld {
  if (!route.exists) return { kind: 'missing' }
  if (route.obstacle !== undefined) return route.obstacle
  return {
    kind: 'present',
    isClaimed: route.isClaimed,
    form: route.form,
    shareMin: route.share,
    shareMax: route.share,
    isProgrammed: route.acknowledgedAtMs <= sim.nowMs && !route.isRejected,
    ...(route.isRejected ? { rejection: 'a broken matcher' } : {}),
  }
}

function numbers(sim: Simulation, forMs: number): WindowNumbers {
  const share = Math.max(...sim.targets.flatMap(({ routes }) => routes.map((route) => route.share)))
  const requests = Math.floor(((forMs / 1_000) * REQUESTS_PER_SECOND * share) / 100)
  return {
    requests,
    failures: Math.floor(requests * sim.failureRate),
    latency: { boundsMs: [10], counts: [requests, 0] },
  }
}

function run(sim: Simulation, effect: Effect): void {
  switch (effect.kind) {
    case 'event':
      sim.log.push(`${effect.reason}: ${effect.message}`)
      return
    case 'add-finalizer':
      sim.hasFinalizer = true
      return
    case 'remove-finalizer':
      assertNothingLeft(sim)
      sim.hasFinalizer = false
      return
    case 'clear-request':
      if (effect.request === 'abort') sim.abort = undefined
      else sim.requests = { ...sim.requests, [effect.request]: undefined }
      return
    case 'clear-approval':
      if (sim.approval === effect.value) sim.approval = undefined
      return
    case 'scale': {
      const workload = sim.targets[effect.target]?.[effect.side]
      if (workload !== undefined) workload.replicas = effect.replicas
      settle(sim)
      return
    }
    case 'delete-stable': {
      const stable = sim.targets[effect.target]?.stable
      if (stable?.uid === effect.uid) stable.exists = false
      return
    }
    case 'release-route': {
      const route = sim.targets[effect.target]?.routes[effect.route]
      if (route !== undefined) {
        route.isClaimed = false
        route.form = null
      }
      return
    }
    case 'shape-route':
      shapeRoute(sim, effect)
  }
}

function shapeRoute(sim: Simulation, { target, route: index, form }: Effect & { kind: 'shape-route' }): void {
  const route = sim.targets[target]?.routes[index]
  if (route === undefined || !route.exists) return
  const isSame = route.isClaimed && JSON.stringify(route.form) === JSON.stringify(form)
  route.isClaimed = true
  route.form = form
  route.share = shareOf(form)
  if (!isSame) route.acknowledgedAtMs = sim.nowMs + Math.round(ACK_MS * sim.random())
}

function shareOf(form: RouteForm): number {
  return form.kind === 'promoted' ? 100 : form.shift.canaryWeight
}

/** What must hold for every answer of the engine, in the world that it saw. */
function checkAdvance(sim: Simulation, world: World, { effects, report, state, wakeAtMs }: Advance): void {
  for (const effect of effects) {
    if (effect.kind === 'shape-route') checkShape(sim, world, effect, state)
    if (effect.kind === 'scale') checkScale(world, effect)
  }
  checkLost(sim, world, effects)
  for (const effect of effects) if (effect.kind === 'event') checkApproved(sim, effect.message)
  const isOver = report.phase === 'Succeeded' || report.phase === 'RolledBack'
  const isBounded = isOver || wakeAtMs !== undefined || report.waitsForPerson !== undefined
  assert.ok(isBounded || !world.hasFinalizer, `unbounded wait in ${state.stage.kind}: ${report.message}`)
  assert.ok(wakeAtMs === undefined || wakeAtMs > sim.nowMs, 'wakes in the past')
}

function checkShape(
  sim: Simulation,
  world: World,
  { target, route, form }: Effect & { kind: 'shape-route' },
  state: ReleaseState,
): void {
  const seen = world.targets[target]
  const at = seen?.routes[route]
  if (seen === undefined || at?.kind !== 'present') return
  const share = shareOf(form)
  const ready = (one: typeof seen.stable): number => (one.kind === 'present' ? one.ready : 0)
  if (share > at.shareMin) assert.ok(ready(seen.canary) > 0, 'weight on a canary without a ready endpoint')
  const isAllGone = world.isDeleting && seen.stable.kind === 'missing' && seen.canary.kind === 'missing'
  if (share < at.shareMax && !isAllGone) {
    assert.ok(ready(seen.stable) > 0, 'weight on a stable without a ready endpoint')
  }
  const isExcused = sim.mayFall || ready(seen.canary) === 0 || isEnding(state)
  if (!isExcused) assert.ok(share >= Math.min(sim.reached, at.shareMax), `share falls from ${at.shareMax} to ${share}`)
  if (ready(seen.canary) === 0) sim.reached = 0
  else if (!isExcused) sim.reached = Math.max(sim.reached, share)
}

function isEnding({ stage }: ReleaseState): boolean {
  return stage.kind === 'rolling-back' || stage.kind === 'paused'
}

/** What passes for a person's word was said by a person, of the pods that are there now. */
function checkApproved(sim: Simulation, message: string): void {
  const name = /^Step "(.*)" passed/.exec(message)?.[1]
  const step = sim.plan.steps.find((one) => one.name === name)
  if (step === undefined || !step.gates.some(({ kind }) => kind === 'approval')) return
  assert.ok(sim.given.has(`${step.name}@${revisionIn(sim)}`), `step ${step.name} passed without an approval`)
}

/** Stable is only retired while the canary has everything, acknowledged. */
function checkScale(world: World, effect: Effect & { kind: 'scale' }): void {
  const seen = world.targets[effect.target]
  if (seen === undefined || effect.replicas > 0) return
  for (const route of seen.routes) {
    if (route.kind !== 'present') continue
    const share = effect.side === 'stable' ? route.shareMin : 100 - route.shareMax
    assert.equal(share, 100, `${effect.side} scaled to zero while it has traffic`)
    assert.ok(route.isProgrammed, `${effect.side} scaled to zero before the shift was acknowledged`)
  }
}

/** A canary with weight and without endpoints loses its weight at once, where the stable can take it. */
function checkLost(sim: Simulation, world: World, effects: readonly Effect[]): void {
  world.targets.forEach(({ stable, canary, routes }, target) => {
    const isLost = (canary.kind === 'missing' || canary.ready === 0) && stable.kind === 'present' && stable.ready > 0
    if (!isLost || !isUnderWay(stateIn(sim))) return
    routes.forEach((route, index) => {
      if (route.kind !== 'present' || !route.isClaimed || route.shareMax === 0) return
      const isSaved = effects.some(
        (effect) =>
          effect.kind === 'shape-route' &&
          effect.target === target &&
          effect.route === index &&
          shareOf(effect.form) === 0,
      )
      assert.ok(isSaved, 'a canary without endpoints keeps its weight')
    })
  })
}

/** Started and not ended: before and after, the traffic is the user's. */
function isUnderWay({ baselines, stage }: ReleaseState): boolean {
  return baselines.length > 0 && stage.kind !== 'succeeded' && stage.kind !== 'rolled-back'
}

function assertNothingLeft(sim: Simulation): void {
  for (const { routes } of sim.targets) for (const route of routes) assert.ok(!route.exists || !route.isClaimed)
}

export function isAllNew(sim: Simulation): boolean {
  return sim.targets.every(
    ({ canary, routes }) =>
      readyIn(sim, canary) > 0 && routes.every((route) => route.share === 100 && !route.isClaimed),
  )
}

export function isAllOld(sim: Simulation): boolean {
  return sim.targets.every(({ stable, routes }) =>
    routes.every((route) => !route.exists || (route.share === 0 && !route.isClaimed && readyIn(sim, stable) > 0)),
  )
}
