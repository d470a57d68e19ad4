import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../base/random.ts'
import type { Gate, OnFailure, Plan, Shift } from './model.ts'
import {
  createSimulation,
  isAllNew,
  isAllOld,
  look,
  pass,
  readyIn,
  runUntilRest,
  stateIn,
} from './simulator/simulator.ts'
import type { SimTarget, Simulation } from './simulator/simulator.ts'

const SMOKE: Shift['matches'] = [{ headers: [{ name: 'stage', type: 'Exact', value: 'canary' }], queryParams: [] }]
const METRICS: Gate = { kind: 'metrics', minRequests: 50, successRateMin: 99, windowMs: 30_000 }
const DEADLINE_MS = 60_000

interface PlanOptions {
  readonly targets?: number
  readonly steps?: readonly { readonly weight: number; readonly gates?: readonly Gate[]; readonly name?: string }[]
  readonly onFailure?: OnFailure['action']
  readonly stable?: Plan['onSuccess']['stable']
}

function planOf(options: PlanOptions = {}): Plan {
  const { targets = 1, onFailure = 'Rollback', stable = 'ScaleToZero' } = options
  const steps = options.steps ?? [
    { weight: 0, gates: [{ kind: 'approval' }] },
    { weight: 10, gates: [METRICS] },
    { weight: 50, gates: [{ kind: 'wait', durationMs: 5_000 }] },
    { weight: 100 },
  ]
  return {
    name: 'echo/echo-v3',
    targets: Array.from({ length: targets }, (_, index) => ({
      name: `t${index}`,
      stable: `Deployment echo/t${index}-v2`,
      canary: `Deployment echo/t${index}-v3`,
      routes: [`VirtualService gloo-system/t${index}`],
      scaling: 'Proportional',
    })),
    steps: steps.map(({ weight, gates = [], name }, index) => ({
      name: name ?? `s${index}`,
      shift: { canaryWeight: weight, matches: SMOKE },
      gates,
    })),
    onFailure: { action: onFailure, canary: 'ScaleToZero' },
    onSuccess: { stable },
    deadlineMs: DEADLINE_MS,
  }
}

function simulate(options: PlanOptions = {}, seed = 1): Simulation {
  return createSimulation(planOf(options), seededRandom(seed))
}

function targetOf(sim: Simulation, index = 0): SimTarget {
  const target = sim.targets[index]
  assert.ok(target)
  return target
}

/** Runs and approves whatever asks for it. */
function runApproving(sim: Simulation, forMs: number): void {
  const endMs = sim.nowMs + forMs
  while (sim.nowMs < endMs) {
    const before = sim.nowMs
    runUntilRest(sim, endMs - sim.nowMs)
    const { stage } = stateIn(sim)
    if (stage.kind !== 'step') return
    sim.approval = stage.name
    if (sim.nowMs === before) pass(sim)
  }
}

function phase(sim: Simulation): string {
  return sim.last?.report.phase ?? 'none'
}

test('a release goes through its steps and ends with everything on the new version and the old one retired', () => {
  const sim = simulate()
  runApproving(sim, 120_000)
  assert.equal(phase(sim), 'Succeeded')
  assert.ok(isAllNew(sim))
  assert.equal(targetOf(sim).stable.replicas, 0)
  assert.equal(sim.hasFinalizer, false)
  assert.deepEqual(
    stateIn(sim).history.map(({ name }) => name),
    ['s0', 's1', 's2', 's3'],
  )
})

test('it waits for a person without end, and says so with the reason and since when', () => {
  const sim = simulate()
  runUntilRest(sim, 3_600_000)
  const { report } = look(sim)
  assert.equal(report.phase, 'Paused')
  assert.equal(report.step?.state, 'WaitingForApproval')
  assert.match(report.waitsForPerson?.reason ?? '', /approval of step "s0"/)
  assert.equal(report.waitsForPerson?.sinceMs, report.step?.liveAtMs)
})

test('the clock of a gate starts when the shift is acknowledged, not before', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'wait', durationMs: 5_000 }] }, { weight: 100 }] })
  look(sim)
  look(sim)
  assert.equal(targetOf(sim).routes[0]?.share, 50)
  const [route] = targetOf(sim).routes
  assert.ok(route)
  route.acknowledgedAtMs = sim.nowMs + 20_000
  sim.nowMs += 19_999
  assert.equal(look(sim).report.step?.state, 'Shifting')
  sim.nowMs += 1
  const { report } = look(sim)
  assert.equal(report.step?.state, 'Waiting')
  assert.equal(report.waitsUntilMs, sim.nowMs + 5_000)
})

test('bad numbers take everything back within a few seconds, without a person', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [METRICS] }, { weight: 100 }] })
  sim.failureRate = 0.5
  const startMs = sim.nowMs
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'RolledBack')
  assert.ok(isAllOld(sim))
  assert.ok(sim.nowMs - startMs < 5_000)
  assert.match(sim.last?.report.message ?? '', /requests failed|success rate/)
  assert.equal(targetOf(sim).canary.replicas, 0)
})

test('an abort after the old version was retired brings it back first, then the traffic', () => {
  const sim = simulate({ steps: [{ weight: 100 }] })
  while (targetOf(sim).stable.replicas > 0) {
    look(sim)
    pass(sim)
  }
  sim.abort = 'changed my mind'
  look(sim)
  assert.equal(targetOf(sim).routes[0]?.share, 100)
  assert.equal(targetOf(sim).stable.replicas, 2)
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'RolledBack')
  assert.ok(isAllOld(sim))
  assert.equal(readyIn(sim, targetOf(sim).stable), 2)
})

test('deleting the object rolls back before the finalizer goes', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  assert.equal(targetOf(sim).routes[0]?.share, 50)
  sim.isDeleting = true
  runUntilRest(sim, 60_000)
  assert.ok(isAllOld(sim))
  assert.equal(sim.hasFinalizer, false)
})

test('a canary that never gets ready fails at the deadline', () => {
  const sim = simulate()
  const { canary } = targetOf(sim)
  canary.isBroken = true
  canary.pods = [Infinity, Infinity]
  runUntilRest(sim, DEADLINE_MS * 3)
  assert.equal(phase(sim), 'RolledBack')
  assert.match(
    sim.last?.report.message ?? '',
    /not live after 1m: waiting for pods: Deployment echo\/t0-v3 has 0 ready/,
  )
})

test('what does not exist is waited for, by name and field, and bounded by the deadline', () => {
  const sim = simulate()
  targetOf(sim).canary.exists = false
  const { report } = look(sim)
  assert.match(
    report.message,
    /^Cannot start release "echo\/echo-v3": spec\.targets\[0\]\.canary: Deployment echo\/t0-v3 does not exist; create it/,
  )
  runUntilRest(sim, DEADLINE_MS * 2)
  assert.equal(phase(sim), 'RolledBack')
  assert.equal(sim.hasFinalizer, false)
})

test('with Pause a failure keeps pods and matched requests, takes the weight, and a person may try again or abort', () => {
  const sim = simulate({ onFailure: 'Pause', steps: [{ weight: 10, gates: [METRICS] }, { weight: 100 }] })
  sim.failureRate = 0.5
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'Paused')
  assert.equal(targetOf(sim).routes[0]?.share, 0)
  assert.deepEqual(targetOf(sim).routes[0]?.form, { kind: 'shift', shift: { canaryWeight: 0, matches: SMOKE } })
  assert.equal(targetOf(sim).canary.replicas, 2)
  sim.failureRate = 0
  sim.mayFall = false
  sim.reached = 0
  sim.approval = 's0'
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'Succeeded')
})

test('a metrics gate without traffic is bounded by the deadline and says what it waits for', () => {
  const sim = simulate({ steps: [{ weight: 0, gates: [METRICS] }, { weight: 100 }] })
  runUntilRest(sim, 20_000)
  assert.match(look(sim).report.message, /0 of at least 50 requests seen/)
  runUntilRest(sim, DEADLINE_MS * 2)
  assert.equal(phase(sim), 'RolledBack')
})

test('an approval counts once', () => {
  const sim = simulate({
    steps: [
      { weight: 10, gates: [{ kind: 'approval' }], name: 'one' },
      { weight: 20, gates: [{ kind: 'approval' }], name: 'two' },
    ],
  })
  runUntilRest(sim, 10_000)
  sim.approval = '1'
  runUntilRest(sim, 10_000)
  assert.equal(sim.approval, undefined)
  const { stage } = stateIn(sim)
  assert.equal(stage.kind === 'step' && stage.name, 'two')
})

test('an approval of a step that does not exist is answered and cleared', () => {
  const sim = simulate()
  runUntilRest(sim, 10_000)
  sim.approval = 'nonsense'
  runUntilRest(sim, 10_000)
  assert.equal(sim.approval, undefined)
  assert.ok(
    sim.log.some((line) => line.includes('Cannot approve step "nonsense": there is none; the steps are s0, s1')),
  )
})

test('the canary is scaled to its share of the pods before it gets its share of the traffic', () => {
  const sim = simulate({ steps: [{ weight: 10 }, { weight: 100 }] })
  targetOf(sim).canary.replicas = 0
  targetOf(sim).canary.pods = []
  look(sim)
  look(sim)
  assert.equal(targetOf(sim).canary.replicas, 1)
  runUntilRest(sim, 60_000)
  assert.equal(targetOf(sim).canary.replicas, 2)
  assert.ok(isAllNew(sim))
})

test('a train shifts in order, is live when all are, and goes back in reverse', () => {
  const sim = simulate({ targets: 2, steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  look(sim)
  look(sim)
  assert.deepEqual(
    sim.targets.map(({ routes }) => routes[0]?.share),
    [50, 0],
  )
  runUntilRest(sim, 10_000)
  assert.deepEqual(
    sim.targets.map(({ routes }) => routes[0]?.share),
    [50, 50],
  )
  sim.abort = 'no'
  look(sim)
  assert.deepEqual(
    sim.targets.map(({ routes }) => routes[0]?.share),
    [50, 0],
  )
  runUntilRest(sim, 10_000)
  assert.ok(isAllOld(sim))
})

test('a new revision of the canary starts over; an edit of the plan continues at the step of the same name', () => {
  const sim = simulate({ steps: [{ weight: 10 }, { weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  sim.plan = planOf({
    steps: [
      { weight: 20, name: 'new' },
      { weight: 40, name: 'newer' },
      { weight: 50, gates: [{ kind: 'approval' }], name: 's1' },
      { weight: 100, name: 'end' },
    ],
  })
  look(sim)
  const edited = stateIn(sim).stage
  assert.deepEqual(edited.kind === 'step' && [edited.index, edited.name, edited.liveAtMs !== null], [2, 's1', true])
  targetOf(sim).canary.revision = 'r2'
  sim.mayFall = true
  look(sim)
  const restarted = stateIn(sim).stage
  assert.deepEqual(restarted.kind === 'step' && [restarted.name, restarted.liveAtMs], ['new', null])
  assert.equal(targetOf(sim).routes[0]?.share, 20)
  assert.ok(sim.log.some((line) => line.startsWith('NewRevision')))
})

test('a rollback that cannot go on because the old version is gone waits for a person and ends once it is back', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  targetOf(sim).stable.exists = false
  sim.abort = 'no'
  runUntilRest(sim, DEADLINE_MS * 2)
  assert.equal(phase(sim), 'RollingBack')
  assert.match(look(sim).report.waitsForPerson?.reason ?? '', /Deployment echo\/t0-v2 does not exist; create it/)
  targetOf(sim).stable.exists = true
  runUntilRest(sim, DEADLINE_MS)
  assert.ok(isAllOld(sim))
})

// ---- properties

type SimEvent =
  | { readonly kind: 'pods-die'; readonly side: 'stable' | 'canary'; readonly all: boolean }
  | { readonly kind: 'metrics'; readonly failureRate: number }
  | { readonly kind: 'approve' | 'abort' | 'delete' | 'edit-plan' | 'edit-route' | 'unclaim' | 'new-revision' }
  | { readonly kind: 'break-canary' | 'delete-canary' | 'delete-stable' | 'delete-route' | 'reject-route' | 'repair' }
  | { readonly kind: 'look' }
  | { readonly kind: 'pass'; readonly ms: number }

const events = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.constant<SimEvent>({ kind: 'look' }) },
    {
      weight: 15,
      arbitrary: fc.constantFrom(1, 30, 100, 700, 1_500, 6_000, 40_000).map((ms): SimEvent => ({ kind: 'pass', ms })),
    },
    { weight: 8, arbitrary: fc.constant<SimEvent>({ kind: 'approve' }) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom('stable' as const, 'canary' as const), fc.boolean())
        .map(([side, all]): SimEvent => ({ kind: 'pods-die', side, all })),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(0, 0, 0.02, 0.5).map((failureRate): SimEvent => ({ kind: 'metrics', failureRate })),
    },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom('edit-plan' as const, 'edit-route' as const, 'unclaim' as const, 'new-revision' as const)
        .map((kind): SimEvent => ({ kind })),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(
          'break-canary' as const,
          'delete-canary' as const,
          'delete-stable' as const,
          'delete-route' as const,
          'reject-route' as const,
          'repair' as const,
          'repair' as const,
        )
        .map((kind): SimEvent => ({ kind })),
    },
    { weight: 1, arbitrary: fc.constantFrom('abort' as const, 'delete' as const).map((kind): SimEvent => ({ kind })) },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
)

const plans = fc.record({
  targets: fc.constantFrom(1, 1, 2, 3),
  onFailure: fc.constantFrom('Rollback' as const, 'Rollback' as const, 'Pause' as const),
  stable: fc.constantFrom('ScaleToZero' as const, 'Delete' as const, 'Keep' as const),
})

const scenario = fc.record({
  plan: plans,
  seed: fc.integer(),
  events,
  lossRate: fc.constantFrom(0, 0, 0.1, 0.4),
  repeatRate: fc.constantFrom(0, 0.3),
})

function happen(sim: Simulation, event: SimEvent, options: PlanOptions): void {
  const target = targetOf(sim, Math.floor(sim.random() * sim.targets.length))
  switch (event.kind) {
    case 'look':
      look(sim)
      return
    case 'pass':
      sim.nowMs += event.ms
      return
    case 'pods-die': {
      const { pods } = target[event.side]
      pods.splice(0, event.all ? pods.length : 1)
      // All their traffic may move now, whatever was reached before.
      if (event.side === 'canary') sim.reached = 0
      return
    }
    case 'metrics':
      sim.failureRate = event.failureRate
      return
    case 'approve': {
      const { stage } = stateIn(sim)
      if (stage.kind === 'step') sim.approval = stage.name
      if (stage.kind === 'paused') {
        sim.approval = 'again'
        sim.reached = 0
      }
      return
    }
    case 'abort':
      sim.abort = 'a person says so'
      return
    case 'delete':
      sim.isDeleting = true
      return
    case 'edit-plan':
      sim.mayFall = true
      sim.plan = planOf({
        ...options,
        steps: [{ weight: 5, name: 'new' }, { weight: 60, name: 's2' }, { weight: 100 }],
      })
      return
    case 'edit-route':
      // Before the start and after the end the routes are the user's alone.
      if (stateIn(sim).baselines.length === 0 || hasEnded(sim)) return
      for (const route of target.routes) {
        route.form = null
        route.share = Math.floor(sim.random() * 101)
        sim.mayFall = true
      }
      return
    case 'unclaim':
      for (const route of target.routes) route.isClaimed = false
      return
    case 'break-canary':
      target.canary.isBroken = true
      target.canary.pods = []
      sim.reached = 0
      return
    case 'delete-canary':
      target.canary.exists = false
      sim.reached = 0
      return
    case 'delete-stable':
      target.stable.exists = false
      return
    case 'delete-route':
      if (hasEnded(sim)) return
      for (const route of target.routes) route.exists = false
      return
    case 'reject-route':
      for (const route of target.routes) route.isRejected = true
      return
    case 'repair':
      repair(sim)
      return
    case 'new-revision':
      target.canary.revision = `r${sim.nowMs}`
      sim.mayFall = true
  }
}

function hasEnded(sim: Simulation): boolean {
  const { kind } = stateIn(sim).stage
  return kind === 'succeeded' || kind === 'rolled-back'
}

/** A person puts right what only a person can: what is rejected or gone. */
function repair(sim: Simulation): void {
  for (const { stable, canary, routes } of sim.targets) {
    if (stateIn(sim).stage.kind !== 'succeeded') stable.exists = true
    canary.exists = true
    canary.isBroken = false
    canary.pods = []
    sim.reached = 0
    for (const route of routes) {
      if (!route.exists) Object.assign(route, { exists: true, isClaimed: false, form: null, share: 0 })
      route.isRejected = false
    }
  }
}

/** Events stop: metrics are good, nothing is lost any more, and a person approves what asks for it. */
function calm(sim: Simulation): void {
  repair(sim)
  sim.lossRate = 0
  sim.failureRate = 0
  for (let turn = 0; turn < 400; turn++) {
    runUntilRest(sim, 20 * DEADLINE_MS)
    const { stage } = stateIn(sim)
    if (hasEnded(sim) && !sim.hasFinalizer) {
      sim.nowMs += 10_000
      return
    }
    if (stage.kind === 'step') sim.approval = stage.name
    if (stage.kind === 'paused') sim.abort = 'enough'
    pass(sim)
  }
  assert.fail(`never ended: ${JSON.stringify(stateIn(sim).stage)}: ${sim.last?.report.message}`)
}

test('whatever happens: never weight without endpoints, no unbounded wait, and the end is all new or all old', () => {
  fc.assert(
    fc.property(scenario, ({ plan, seed, events: list, lossRate, repeatRate }) => {
      const sim = createSimulation(planOf(plan), seededRandom(seed))
      sim.lossRate = lossRate
      sim.repeatRate = repeatRate
      for (const event of list) happen(sim, event, plan)
      calm(sim)
      assert.ok(isAllNew(sim) || isAllOld(sim), JSON.stringify(sim.targets))
    }),
    { numRuns: 600 },
  )
})

test('an abort at any moment before the end leads to all old', () => {
  fc.assert(
    fc.property(scenario, ({ plan, seed, events: list, lossRate, repeatRate }) => {
      const sim = createSimulation(planOf(plan), seededRandom(seed))
      sim.lossRate = lossRate
      sim.repeatRate = repeatRate
      for (const event of list) happen(sim, event, plan)
      if (stateIn(sim).stage.kind === 'succeeded') return
      sim.abort = 'no'
      calm(sim)
      assert.ok(isAllOld(sim))
    }),
    { numRuns: 300 },
  )
})

test('the same observations give the same answer, and a state survives being stored', () => {
  fc.assert(
    fc.property(scenario, ({ plan, seed, events: list }) => {
      const [one, two] = [1, 2].map(() => {
        const sim = createSimulation(planOf(plan), seededRandom(seed))
        for (const event of list) happen(sim, event, plan)
        return sim
      })
      assert.equal(one?.stored, two?.stored)
      assert.deepEqual(one?.targets, two?.targets)
    }),
    { numRuns: 50 },
  )
})
