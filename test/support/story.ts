/** The story of the two-phase canary with Gloo (examples/stories/gloo-two-phase), as steps that a test can play. */
import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import type { Answer } from './load.ts'
import { countBodies, fetchText } from './load.ts'

const FOLDER = resolve(import.meta.dirname, '../../examples/stories/gloo-two-phase')

interface StoryStep {
  readonly file: string
  /** What `apply` says, each line. */
  readonly says: readonly string[]
  /** The versions that 100 plain requests meet, once the step is live. */
  readonly plain: Readonly<Record<string, number>>
  /** The version that `stage: canary` meets. */
  readonly canary: string
  readonly changes: 'routes' | 'pods' | 'nothing-yet'
}

const VS_CONFIGURED = ['virtualservice.gateway.solo.io/echo configured']
const V1 = 'version:v1'
const V2 = 'version:v2'

export const STORY: readonly StoryStep[] = [
  {
    file: '1-setup/vs.yaml',
    says: ['virtualservice.gateway.solo.io/echo created'],
    plain: { [V1]: 100 },
    canary: V1,
    changes: 'routes',
  },
  {
    file: '2-initial-subset-routing-to-v2/vs-1.yaml',
    says: VS_CONFIGURED,
    plain: { [V1]: 100 },
    canary: V1,
    changes: 'routes',
  },
  {
    file: '2-initial-subset-routing-to-v2/echo-v2.yaml',
    says: ['deployment.apps/echo-v2 created'],
    plain: { [V1]: 100 },
    canary: V1,
    changes: 'pods',
  },
  {
    file: '2-initial-subset-routing-to-v2/vs-2.yaml',
    says: VS_CONFIGURED,
    plain: { [V1]: 100 },
    canary: V2,
    changes: 'routes',
  },
  {
    file: '3-progressive-traffic-shift-to-v2/vs-1.yaml',
    says: VS_CONFIGURED,
    plain: { [V1]: 100 },
    canary: V2,
    changes: 'routes',
  },
  {
    file: '3-progressive-traffic-shift-to-v2/vs-2.yaml',
    says: VS_CONFIGURED,
    plain: { [V1]: 50, [V2]: 50 },
    canary: V2,
    changes: 'routes',
  },
  {
    file: '3-progressive-traffic-shift-to-v2/vs-3.yaml',
    says: VS_CONFIGURED,
    plain: { [V2]: 100 },
    canary: V2,
    changes: 'routes',
  },
  { file: '4-decommissioning-v1/vs.yaml', says: VS_CONFIGURED, plain: { [V2]: 100 }, canary: V2, changes: 'routes' },
]

export interface Teller {
  /** Applies a manifest and gives the lines it printed. */
  readonly apply: (file: string) => Promise<readonly string[]>
  /** Waits until the VirtualService is programmed for its present generation. */
  readonly untilProgrammed: () => Promise<void>
  /** Waits until the Deployment's pods are ready. */
  readonly untilAvailable: (deployment: string) => Promise<void>
  readonly deleteDeployment: (name: string) => Promise<void>
  /** `http://host:port` of the gateway, as `sluice proxy url` prints it. */
  readonly gateway: string
  /** Called as soon as a step is live. */
  readonly onLive?: (step: StoryStep) => void
  /** True when nobody else sends requests: then the split must be exact, not only near. */
  readonly alone: boolean
}

/** Plays the whole story and asserts what its reader is promised. */
export async function playStory(teller: Teller): Promise<void> {
  const { apply, untilProgrammed, untilAvailable, gateway } = teller
  assert.deepEqual(await apply(storyFile('1-setup/echo.yaml')), [
    'namespace/echo created',
    'deployment.apps/echo-v1 created',
    'service/echo created',
  ])
  assert.deepEqual(await apply(storyFile('1-setup/upstream.yaml')), ['upstream.gloo.solo.io/echo created'])
  await untilAvailable('echo-v1')
  for (const step of STORY) {
    assert.deepEqual(await apply(storyFile(step.file)), step.says, step.file)
    if (step.changes === 'pods') await untilAvailable('echo-v2')
    else await untilProgrammed()
    teller.onLive?.(step)
    const seen = countBodies(await fetchMany(`${gateway}/`, 100))
    if (teller.alone) assert.deepEqual(seen, step.plain, step.file)
    else assert.deepEqual(Object.keys(seen).toSorted(), Object.keys(step.plain).toSorted(), step.file)
    assert.deepEqual(
      countBodies([await fetchText(`${gateway}/`, { stage: 'canary' })]),
      { [step.canary]: 1 },
      step.file,
    )
  }
  await teller.deleteDeployment('echo-v1')
  assert.deepEqual(countBodies(await fetchMany(`${gateway}/`, 20)), { [V2]: 20 })
}

export function storyFile(file: string): string {
  return join(FOLDER, file)
}

async function fetchMany(url: string, count: number): Promise<Answer[]> {
  const answers: Answer[] = []
  // one after another: the split is exact per sequence
  for (let sent = 0; sent < count; sent++) answers.push(await fetchText(url))
  return answers
}

/** A manifest of the automatic releases that follow the story. */
export function releaseFile(file: string): string {
  return join(FOLDER, '../release', file)
}
