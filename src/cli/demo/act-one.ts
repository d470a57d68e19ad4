/** Act 1: the two-phase canary with Gloo, driven by hand: one manifest after another, each verified by real requests. */
import { exactly, noFailures } from './checks.ts'
import type { Stage } from './stage.ts'
import type { Check } from './view.ts'

const ACT = 1
const STORY = 'gloo-two-phase'
/** Requests that verify a split: any whole percentage shows exactly. */
const BATCH_REQUESTS = 100

interface Manual {
  readonly title: string
  readonly file: string
  /** How many of the batch meet each version, and whom `stage: canary` meets. */
  readonly plain: Readonly<Record<string, number>>
  readonly canary: string
  /** The version whose pods must be ready, where the file brings pods. */
  readonly brings?: string
}

const STEPS: readonly Manual[] = [
  { title: 'A route to v1', file: '1-setup/vs.yaml', plain: { v1: 100 }, canary: 'v1' },
  {
    title: 'The route names its subset: version v1',
    file: '2-initial-subset-routing-to-v2/vs-1.yaml',
    plain: { v1: 100 },
    canary: 'v1',
  },
  {
    title: 'v2 is deployed and gets no traffic',
    file: '2-initial-subset-routing-to-v2/echo-v2.yaml',
    plain: { v1: 100 },
    canary: 'v1',
    brings: 'v2',
  },
  {
    title: 'Phase 1: only requests with stage: canary reach v2',
    file: '2-initial-subset-routing-to-v2/vs-2.yaml',
    plain: { v1: 100 },
    canary: 'v2',
  },
  {
    title: 'Phase 2: weights, 100 to v1 and 0 to v2',
    file: '3-progressive-traffic-shift-to-v2/vs-1.yaml',
    plain: { v1: 100 },
    canary: 'v2',
  },
  {
    title: 'Half of the traffic to v2',
    file: '3-progressive-traffic-shift-to-v2/vs-2.yaml',
    plain: { v1: 50, v2: 50 },
    canary: 'v2',
  },
  {
    title: 'All traffic to v2',
    file: '3-progressive-traffic-shift-to-v2/vs-3.yaml',
    plain: { v2: 100 },
    canary: 'v2',
  },
  { title: 'The routes are cleaned up', file: '4-decommissioning-v1/vs.yaml', plain: { v2: 100 }, canary: 'v2' },
]

export async function actOne(stage: Stage): Promise<void> {
  stage.beginAct(ACT, 'By hand: the two-phase canary with Gloo', STEPS.length + 3)
  await setUp(stage)
  for (const step of STEPS) await apply(stage, step)
  await retire(stage)
  const { requests, failures, examples } = stage.tally(ACT)
  stage.endAct([noFailures(requests, failures, examples)])
}

async function setUp(stage: Stage): Promise<void> {
  const deploy = await stage.step({
    title: 'v1 and its Service',
    args: ['apply', '-f', stage.file(`${STORY}/1-setup/echo.yaml`)],
  })
  deploy.note('waits until a pod of v1 is ready')
  await untilReady(stage, 'v1')
  deploy.end([{ holds: true, text: 'v1 is ready' }])
  const upstream = await stage.step({
    title: 'Gloo’s name for the Service: an Upstream',
    args: ['apply', '-f', stage.file(`${STORY}/1-setup/upstream.yaml`)],
  })
  upstream.end([])
}

async function apply(stage: Stage, { title, file, plain, canary, brings }: Manual): Promise<void> {
  const step = await stage.step({ title, args: ['apply', '-f', stage.file(`${STORY}/${file}`)] })
  let shiftMs: number | undefined
  if (brings === undefined) {
    step.note('waits until every proxy has acknowledged the routes')
    shiftMs = await stage.untilRouteLive()
    stage.openTraffic()
    stage.markLive()
  } else {
    step.note(`waits until a pod of ${brings} is ready`)
    await untilReady(stage, brings)
  }
  step.note(`sends ${BATCH_REQUESTS} requests`)
  step.end([...liveCheck(shiftMs), ...(await meets(stage, plain, canary))], { shiftMs })
}

async function retire(stage: Stage): Promise<void> {
  const step = await stage.step({ title: 'v1 is retired', args: ['delete', 'deploy', '-n', 'echo', 'echo-v1'] })
  step.note('waits until no pod of v1 is left')
  await stage.world.until('the pods of v1 to go', () => !stage.world.pods().has('v1'))
  step.end([...(await meets(stage, { v2: 100 }, 'v2'))])
}

/** Exactly these versions, of exactly so many requests. */
async function meets(stage: Stage, plain: Readonly<Record<string, number>>, canary: string): Promise<readonly Check[]> {
  const seen = await stage.batch(BATCH_REQUESTS)
  const met = await stage.askAsCanary()
  return [
    exactly(seen, plain),
    { holds: met === canary, text: `stage: canary meets ${met}${met === canary ? '' : `; expected ${canary}`}` },
  ]
}

function liveCheck(shiftMs: number | undefined): readonly Check[] {
  return shiftMs === undefined ? [] : [{ holds: true, text: `live on every proxy after ${Math.round(shiftMs)} ms` }]
}

function untilReady(stage: Stage, version: string): Promise<true> {
  return stage.world.until(`a ready pod of ${version}`, () => (stage.world.pods().get(version)?.ready ?? 0) > 0)
}
