import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../base/random.ts'
import { DEADLINE_MS, METRICS, SMOKE, planOf } from './testing/plans.ts'
import type { PlanOptions } from './testing/plans.ts'
import {
  approve,
  createSimulation,
  isAllNew,
  isAllOld,
  look,
  pass,
  readyIn,
  runUntilRest,
  stateIn,
} from './testing/simulator.ts'
import type { SimTarget, Simulation } from './testing/simulator.ts'

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
    approve(sim, stage.name, true)
    if (sim.nowMs === before) pass(sim)
  }
}

function phase(sim: Simulation): string {
  return sim.last?.report.phase ?? 'none'
}

test('a release goes through its steps and ends with everything on the canary and stable retired', () => {
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
  assert.equal(report.message, 'Step "s0" waits for a person\'s approval')
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

test('an abort after stable was retired brings it back first, then the traffic', () => {
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
  assert.match(sim.last?.report.message ?? '', /^Never started: Cannot start release "echo\/echo-v3": spec/)
  assert.equal(sim.last?.report.neverStarted, true)
  assert.ok(!sim.log.some((line) => /all traffic/i.test(line)), sim.log.join('\n'))
  assert.equal(sim.hasFinalizer, false)
})

test('a route that another release holds is waited for without a deadline: the queue is not its fault', () => {
  const sim = simulate({ steps: [{ weight: 100 }] })
  const [route] = targetOf(sim).routes
  assert.ok(route)
  route.obstacle = { kind: 'held', by: 'echo/other' }
  runUntilRest(sim, DEADLINE_MS * 3)
  assert.equal(phase(sim), 'Pending')
  assert.match(look(sim).report.message, /held by release echo\/other; this one starts when that has ended/)
  assert.equal(look(sim).report.waitsUntilMs, undefined)
  route.obstacle = undefined
  runUntilRest(sim, DEADLINE_MS)
  assert.equal(phase(sim), 'Succeeded')
})

test('a missing workload is the only complaint: what follows from it is left out', () => {
  const sim = simulate()
  const { canary, routes } = targetOf(sim)
  canary.exists = false
  const [route] = routes
  assert.ok(route)
  route.obstacle = { kind: 'unfit', reason: 'their pods lack the labels version' }
  assert.doesNotMatch(look(sim).report.message, /labels/)
  canary.exists = true
  assert.match(look(sim).report.message, /routes\[0\]: VirtualService gloo-system\/t0: their pods lack the labels/)
})

test('a route written again after an edit does not change how long its first shift took', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  const [first] = stateIn(sim).history
  const [route] = targetOf(sim).routes
  assert.ok(route)
  route.form = null
  sim.mayFall = true
  runUntilRest(sim, 10_000)
  assert.ok(sim.log.some((line) => line.startsWith('RouteEdited')))
  const [again] = stateIn(sim).history
  assert.deepEqual([again?.shiftingSinceMs, again?.liveAtMs], [first?.shiftingSinceMs, first?.liveAtMs])
})

test('with Pause a failure keeps pods and matched requests, takes the weight, and a person may try again or abort', () => {
  const sim = simulate({ onFailure: 'Pause', steps: [{ weight: 10, gates: [METRICS] }, { weight: 100 }] })
  sim.failureRate = 0.5
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'Paused')
  assert.equal(targetOf(sim).routes[0]?.share, 0)
  assert.deepEqual(targetOf(sim).routes[0]?.form, { kind: 'shift', shift: { canaryWeight: 0, matches: SMOKE } })
  assert.equal(targetOf(sim).canary.replicas, 2)
  assert.equal(sim.last?.report.step?.liveAtMs, stateIn(sim).history.at(-1)?.liveAtMs)
  assert.ok(sim.last?.report.step?.liveAtMs)
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
  sim.given.add('one@r1')
  sim.approval = '1'
  runUntilRest(sim, 10_000)
  assert.equal(sim.approval, undefined)
  const { stage } = stateIn(sim)
  assert.equal(stage.kind === 'step' && stage.name, 'two')
})

test('an approval that comes ahead is kept, and says so', () => {
  const sim = simulate({
    steps: [
      { weight: 10, gates: [{ kind: 'wait', durationMs: 5_000 }], name: 'few' },
      { weight: 100, gates: [{ kind: 'approval' }], name: 'all' },
    ],
  })
  runUntilRest(sim, 3_000)
  approve(sim, 'all', true)
  runUntilRest(sim, 1_000)
  assert.deepEqual(
    stateIn(sim).approvals?.map(({ step, revision }) => [step, revision]),
    [['all', 'r1']],
  )
  assert.ok(sim.log.some((line) => line.startsWith('ApprovedAhead: Step "all" is approved for revision r1')))
  runUntilRest(sim, 20_000)
  assert.equal(phase(sim), 'Succeeded')
})

test('a new revision voids what was approved ahead, taken or not, and names it', () => {
  const sim = simulate({
    steps: [
      { weight: 10, gates: [{ kind: 'wait', durationMs: 5_000 }], name: 'few' },
      { weight: 50, gates: [{ kind: 'approval' }], name: 'half' },
      { weight: 100, gates: [{ kind: 'approval' }], name: 'all' },
    ],
  })
  runUntilRest(sim, 3_000)
  approve(sim, 'half', true)
  runUntilRest(sim, 100)
  approve(sim, 'all', false)
  targetOf(sim).canary.revision = 'r2'
  sim.mayFall = true
  runUntilRest(sim, 30_000)
  const { stage } = stateIn(sim)
  assert.equal(stage.kind === 'step' && stage.name, 'half')
  assert.ok(
    sim.log.some((line) =>
      line.startsWith('ApprovalVoid: The approval of "half", "all" was given for revision r1 and counts no more'),
    ),
  )
  approve(sim, 'half', true)
  sim.approval = `${sim.approval},all@r1`
  runUntilRest(sim, 30_000)
  const { stage: next } = stateIn(sim)
  assert.equal(next.kind === 'step' && next.name, 'all')
  assert.ok(sim.log.some((line) => line.includes('the approval is for revision r1, but the canary is of revision r2')))
})

test('an approval is for the step as it was planned', () => {
  const steps = (weight: number) => [
    { weight: 10, gates: [{ kind: 'wait' as const, durationMs: 5_000 }], name: 'few' },
    { weight, gates: [{ kind: 'approval' as const }], name: 'more' },
    { weight: 100, name: 'all' },
  ]
  const sim = simulate({ steps: steps(20) })
  runUntilRest(sim, 3_000)
  approve(sim, 'more', true)
  look(sim)
  sim.plan = planOf({ steps: steps(90) })
  runUntilRest(sim, 30_000)
  assert.equal(sim.last?.report.step?.state, 'WaitingForApproval')
  assert.ok(sim.log.some((line) => line.startsWith('ApprovalVoid: The approval of "more" was given for the steps')))
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

test('a rollback that cannot go on because stable is gone waits for a person and ends once it is back', () => {
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

test('a deadline does not pass while nobody looks: after a restart the wait gets time to finish', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  look(sim)
  const { canary } = targetOf(sim)
  canary.pods = []
  look(sim)
  sim.nowMs += DEADLINE_MS * 10
  sim.watchedSinceMs = sim.nowMs
  look(sim)
  assert.equal(phase(sim), 'Progressing')
  runUntilRest(sim, DEADLINE_MS / 2)
  assert.equal(sim.last?.report.step?.state, 'WaitingForApproval')
})

test('why the pods of the canary are not ready is said while it waits and stays in the verdict', () => {
  const sim = simulate({ steps: [{ weight: 100 }] })
  targetOf(sim).canary.isBroken = true
  targetOf(sim).canary.pods.length = 0
  pass(sim)
  look(sim)
  const { report } = look(sim)
  assert.equal(
    report.message,
    'waiting for pods: Deployment echo/t0-v3 has 0 ready of the 2 that step "s0" needs: pod t0-new: CrashLoopBackOff, exit 3',
  )
  runUntilRest(sim, DEADLINE_MS * 2)
  assert.equal(phase(sim), 'RolledBack')
  assert.match(sim.last?.report.message ?? '', /pod t0-new: CrashLoopBackOff, exit 3\. /)
  assert.match(stateIn(sim).history.at(-1)?.verdict ?? '', /CrashLoopBackOff, exit 3$/)
})

test('a release that is held does not run out of time, and has its whole deadline again when it is let go', () => {
  const sim = simulate({ isPaused: true })
  targetOf(sim).canary.exists = false
  sim.nowMs += 1
  assert.equal(look(sim).report.phase, 'Paused')
  sim.nowMs += 5 * DEADLINE_MS
  assert.match(look(sim).report.message, /^Paused by a person: Cannot start release/)
  sim.plan = { ...sim.plan, isPaused: false }
  assert.equal(look(sim).report.phase, 'Pending')
  sim.nowMs += DEADLINE_MS - 1
  assert.equal(look(sim).report.phase, 'Pending')
  sim.nowMs += 1
  look(sim)
  assert.equal(phase(sim), 'RolledBack')
})

test('held while it shifts, the canary gets no more than it has', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  sim.approval = 's0'
  sim.plan = { ...sim.plan, isPaused: true }
  runUntilRest(sim, 10 * DEADLINE_MS)
  assert.equal(targetOf(sim).routes[0]?.share, 10)
  sim.abort = 'enough'
  runUntilRest(sim, 10_000)
  assert.ok(isAllOld(sim))
})

test('a revision that came before an abort does not start the release over; one that comes after it does', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  targetOf(sim).canary.revision = 'r2'
  sim.abort = 'enough'
  runUntilRest(sim, 10_000)
  assert.equal(phase(sim), 'RolledBack')
  look(sim)
  assert.equal(phase(sim), 'RolledBack')
  targetOf(sim).canary.revision = 'r3'
  runUntilRest(sim, 10_000)
  assert.equal(stateIn(sim).stage.kind, 'step')
})

test('a promotion is for the revision that a person saw: a new one voids it', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  targetOf(sim).canary.revision = 'r2'
  sim.requests = { promote: 's0' }
  runUntilRest(sim, 10_000)
  const { stage } = stateIn(sim)
  assert.ok(stage.kind === 'step' && stage.name === 's0' && stage.promoted === undefined)
  assert.ok(
    sim.log.some((line) => line.startsWith('PromotionVoid: The promotion of step "s0" was given for revision r1')),
  )
})

test('a promotion may name the revision that it is for: it counts for that one only, also ahead of it', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [{ kind: 'wait', durationMs: 3_600_000 }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  sim.requests = { promote: 's0@r2' }
  runUntilRest(sim, 10_000)
  const why = 'the promotion is for revision r2, but the canary is of revision r1; look at it and promote again'
  assert.ok(sim.log.includes(`PromotionVoid: Cannot promote step "s0": ${why}`))
  targetOf(sim).canary.revision = 'r2'
  sim.requests = { 'promote-full': '1@r2' }
  runUntilRest(sim, 60_000)
  assert.equal(phase(sim), 'Succeeded')
})

test('a canary that was deleted and is made again as it was does not start the release over by itself', () => {
  const sim = simulate({ steps: [{ weight: 10, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 10_000)
  const { canary } = targetOf(sim)
  canary.exists = false
  runUntilRest(sim, 3_600_000)
  assert.equal(phase(sim), 'RolledBack')
  canary.exists = true
  runUntilRest(sim, 10_000)
  assert.equal(phase(sim), 'RolledBack')
})

test('a release does not start on a stable side without a ready endpoint, and says why', () => {
  const sim = simulate()
  const { stable } = targetOf(sim)
  Object.assign(stable, { isBroken: true, pods: [] })
  runUntilRest(sim, 5_000)
  const why =
    'Deployment echo/t0-v2 has no ready endpoint: pod t0-old: CrashLoopBackOff, exit 3; repair it, or set spec.onStart.stable to AllowUnready'
  assert.equal(phase(sim), 'Pending')
  assert.equal(sim.last?.report.message, `Cannot start release "echo/echo-v3": spec.targets[0].stable: ${why}`)
  assert.equal(sim.log.filter((line) => line.startsWith('CannotStart: ')).length, 1)
  Object.assign(stable, { isBroken: false, pods: [] })
  runUntilRest(sim, 5_000)
  assert.equal(stateIn(sim).stage.kind, 'step')
})

test('a plan may say that it starts without a ready stable side', () => {
  const sim = simulate({ onStart: 'AllowUnready' })
  Object.assign(targetOf(sim).stable, { isBroken: true, pods: [] })
  runUntilRest(sim, 5_000)
  assert.equal(stateIn(sim).stage.kind, 'step')
})

test('a stable side that loses its endpoints in the middle of a release is told once, and once when it is back', () => {
  const sim = simulate({ steps: [{ weight: 50, gates: [{ kind: 'approval' }] }, { weight: 100 }] })
  runUntilRest(sim, 5_000)
  const { stable } = targetOf(sim)
  Object.assign(stable, { isBroken: true, pods: [] })
  runUntilRest(sim, 5_000)
  look(sim)
  Object.assign(stable, { isBroken: false, pods: [] })
  runUntilRest(sim, 5_000)
  assert.deepEqual(
    sim.log.flatMap((line) => /^(StableLost|StableBack): /.exec(line)?.[1] ?? []),
    ['StableLost', 'StableBack'],
  )
})
