import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '../base/random.ts'
import { DEADLINE_MS, planOf } from './testing/plans.ts'
import type { PlanOptions } from './testing/plans.ts'
import {
  approve,
  createSimulation,
  isAllNew,
  isAllOld,
  look,
  pass,
  runUntilRest,
  stateIn,
} from './testing/simulator.ts'
import type { Simulation } from './testing/simulator.ts'

type SimEvent =
  | { readonly kind: 'pods-die'; readonly side: 'stable' | 'canary'; readonly all: boolean }
  | { readonly kind: 'metrics'; readonly failureRate: number }
  | { readonly kind: 'approve'; readonly step: string; readonly named: boolean }
  | { readonly kind: 'abort' | 'delete' | 'edit-plan' | 'edit-route' | 'unclaim' | 'new-revision' }
  | { readonly kind: 'break-canary' | 'delete-canary' | 'delete-stable' | 'delete-route' | 'reject-route' | 'repair' }
  | { readonly kind: 'look' | 'restart' }
  | { readonly kind: 'pass'; readonly ms: number }

const events = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.constant<SimEvent>({ kind: 'look' }) },
    {
      weight: 15,
      arbitrary: fc.constantFrom(1, 30, 100, 700, 1_500, 6_000, 40_000).map((ms): SimEvent => ({ kind: 'pass', ms })),
    },
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom('s0', 's0', 's1', 's2', 's3'), fc.boolean())
        .map(([step, named]): SimEvent => ({ kind: 'approve', step, named })),
    },
    { weight: 3, arbitrary: fc.constant<SimEvent>({ kind: 'restart' }) },
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
  const target = sim.targets[Math.floor(sim.random() * sim.targets.length)]
  assert.ok(target)
  switch (event.kind) {
    case 'look':
      look(sim)
      return
    case 'restart':
      sim.watchedSinceMs = sim.nowMs
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
      if (stage.kind === 'step' || stage.kind === 'pending') approve(sim, event.step, event.named)
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
    // Who makes it anew makes it with the replicas of its manifest.
    if (!stable.exists && stateIn(sim).stage.kind !== 'succeeded') Object.assign(stable, { exists: true, replicas: 2 })
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
    if (stage.kind === 'step') approve(sim, stage.name, true)
    if (stage.kind === 'paused') sim.abort = 'enough'
    pass(sim)
  }
  assert.fail(`never ended: ${JSON.stringify(stateIn(sim).stage)}: ${sim.last?.report.message}`)
}

test('whatever happens: never weight without endpoints, no unbounded wait, and the end is all canary or all stable', () => {
  fc.assert(
    fc.property(scenario, ({ plan, seed, events: list, lossRate, repeatRate }) => {
      const sim = createSimulation(planOf(plan), seededRandom(seed))
      // The revision that is there before anything happens has been seen.
      look(sim)
      sim.lossRate = lossRate
      sim.repeatRate = repeatRate
      for (const event of list) happen(sim, event, plan)
      calm(sim)
      assert.ok(isAllNew(sim) || isAllOld(sim), JSON.stringify(sim.targets))
    }),
    { numRuns: 600 },
  )
})

test('an abort at any moment before the end leads to all stable', () => {
  fc.assert(
    fc.property(scenario, ({ plan, seed, events: list, lossRate, repeatRate }) => {
      const sim = createSimulation(planOf(plan), seededRandom(seed))
      // The revision that is there before anything happens has been seen.
      look(sim)
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

/** Ten steps that wait for a person. */
const APPROVED_STEPS = Array.from({ length: 10 }, (_, index) => ({
  weight: index * 10,
  name: `s${index}`,
  gates: [{ kind: 'approval' as const }],
}))

test('approvals given in any order count, each for its step', () => {
  const order = fc.shuffledSubarray(
    APPROVED_STEPS.map(({ name }) => name),
    { minLength: APPROVED_STEPS.length },
  )
  fc.assert(
    fc.property(order, fc.integer(), fc.array(fc.integer({ min: 0, max: 3_000 })), (names, seed, waits) => {
      const sim = createSimulation(planOf({ steps: [...APPROVED_STEPS, { weight: 100 }] }), seededRandom(seed))
      for (const [index, name] of names.entries()) {
        approve(sim, name, index % 2 === 0)
        runUntilRest(sim, waits[index] ?? 0)
      }
      runUntilRest(sim, DEADLINE_MS)
      assert.equal(stateIn(sim).stage.kind, 'succeeded')
    }),
    { numRuns: 100 },
  )
})

test('an approval given for one revision never lets another pass', () => {
  const step = fc.constantFrom(...APPROVED_STEPS.map(({ name }) => name))
  const change = fc.oneof(
    fc.record({ kind: fc.constant('approve' as const), step, named: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('new-revision' as const, 'look' as const) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  )
  fc.assert(
    fc.property(fc.array(change, { minLength: 10, maxLength: 60 }), fc.integer(), (changes, seed) => {
      const options = { steps: [...APPROVED_STEPS, { weight: 100 }] }
      const sim = createSimulation(planOf(options), seededRandom(seed))
      look(sim)
      for (const one of changes) {
        happen(sim, one, options)
        if (one.kind === 'pass') runUntilRest(sim, one.ms)
      }
      // The simulator holds every step that passes against what was given.
      happen(sim, { kind: 'new-revision' }, options)
      sim.nowMs += 1
      runUntilRest(sim, DEADLINE_MS)
      const { stage } = stateIn(sim)
      assert.ok(stage.kind !== 'step' || !stage.approved)
    }),
    { numRuns: 300 },
  )
})
