import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import type { VirtualService } from '../gloo-objects.ts'
import { parseManifest } from '../manifest/parse.ts'
import { configuredRoutes } from './routes.ts'
import { versionViews } from './versions.ts'
import { programmedGeneration, withShift } from './world.ts'
import type { Shift } from './world.ts'

const STORY = resolve(import.meta.dirname, '../../../examples/stories/gloo-two-phase')

function route(file: string): VirtualService {
  const [manifest] = parseManifest(readFileSync(resolve(STORY, file), 'utf8'), file).objects
  return manifest?.object as VirtualService
}

function read(file: string): unknown {
  return configuredRoutes(route(file))
}

test('the configured shares are read from each of the story’s routes', () => {
  assert.deepEqual(read('1-setup/vs.yaml'), { percents: {}, canaryVersion: undefined })
  assert.deepEqual(read('2-initial-subset-routing-to-v2/vs-1.yaml'), {
    percents: { v1: 100 },
    canaryVersion: undefined,
  })
  assert.deepEqual(read('2-initial-subset-routing-to-v2/vs-2.yaml'), { percents: { v1: 100 }, canaryVersion: 'v2' })
  assert.deepEqual(read('3-progressive-traffic-shift-to-v2/vs-2.yaml'), {
    percents: { v1: 50, v2: 50 },
    canaryVersion: 'v2',
  })
  assert.deepEqual(configuredRoutes(undefined), { percents: {}, canaryVersion: undefined })
})

test('a version is shown while it has pods or a share', () => {
  const pods = new Map([
    ['v1', { ready: 0, wanted: 0 }],
    ['v2', { ready: 1, wanted: 1 }],
  ])
  const views = versionViews(pods, { v2: 90, v3: 10 }, { v2: 9, v3: 1 })
  assert.deepEqual(
    views.map(({ name, configuredPercent, observedPercent }) => [name, configuredPercent, observedPercent]),
    [
      ['v2', 90, 90],
      ['v3', 10, 10],
    ],
  )
  assert.equal(versionViews(pods, {}, {})[0]?.configuredPercent, undefined)
})

function atGeneration(generation: number, programmed: number | undefined): VirtualService {
  const condition = {
    type: 'Programmed',
    status: 'True',
    reason: 'Programmed',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: programmed,
  }
  const status = programmed === undefined ? {} : { conditions: [condition] }
  return { ...route('1-setup/vs.yaml'), metadata: { name: 'echo', generation }, status } as VirtualService
}

test('a shift lasts from the first sight of a generation until it is programmed', () => {
  let shifts: readonly Shift[] = []
  shifts = withShift(shifts, atGeneration(1, undefined), 100)
  shifts = withShift(shifts, atGeneration(1, 1), 120)
  shifts = withShift(shifts, atGeneration(2, 1), 200)
  assert.equal(shifts[1]?.liveAtMs, undefined)
  shifts = withShift(shifts, atGeneration(2, 2), 230)
  assert.deepEqual(shifts, [
    { generation: 1, writtenAtMs: 100, liveAtMs: 120 },
    { generation: 2, writtenAtMs: 200, liveAtMs: 230 },
  ])
  assert.equal(programmedGeneration(atGeneration(3, 2)), 2)
})
