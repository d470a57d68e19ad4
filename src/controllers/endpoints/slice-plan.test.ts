import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Endpoint, EndpointSlice } from '../../kinds/endpoint-slice.ts'
import type { Service } from '../../kinds/service.ts'
import { planSlices } from './slice-plan.ts'

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name: 'web', uid: 'service-uid' },
  spec: { selector: { app: 'web' } },
}

const endpoint = (id: number, ready = true): Endpoint => ({
  addresses: [`10.0.${id >> 8}.${id & 255}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', uid: `pod-${id}` },
})

const group = (endpoints: readonly Endpoint[], port = 80) => ({
  addressType: 'IPv4' as const,
  ports: [{ name: 'http', protocol: 'TCP' as const, port }],
  endpoints,
})

/** The slices after the plan has been carried out. */
function carryOut(existing: readonly EndpointSlice[], groups: readonly ReturnType<typeof group>[]): EndpointSlice[] {
  const { create, update, remove } = planSlices(service, groups, existing)
  const kept = existing.filter((slice) => !remove.includes(slice))
  const updated = kept.map((slice) => update.find(({ metadata }) => metadata.name === slice.metadata.name) ?? slice)
  return [...updated, ...create]
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

test('a hundred endpoints fit one slice, and the next one makes another', () => {
  const slices = carryOut([], [group(range(0, 101).map((id) => endpoint(id)))])
  assert.deepEqual(
    slices.map(({ endpoints }) => endpoints.length),
    [100, 1],
  )
  assert.equal(new Set(slices.map(({ metadata }) => metadata.name)).size, 2)
})

test('only the slice that changes is written, and new endpoints fill what has room', () => {
  const before = carryOut([], [group(range(0, 150).map((id) => endpoint(id)))])
  const plan = planSlices(service, [group(range(0, 151).map((id) => endpoint(id)))], before)
  assert.equal(plan.create.length + plan.remove.length, 0)
  assert.deepEqual(
    plan.update.map(({ endpoints }) => endpoints.length),
    [51],
  )
})

test('a service without endpoints keeps one empty slice', () => {
  const before = carryOut([], [group([endpoint(1)])])
  const empty = carryOut(before, [])
  assert.equal(empty.length, 1)
  assert.deepEqual(empty[0]?.endpoints, [])
  assert.deepEqual(planSlices(service, [], empty), { create: [], update: [], remove: [] })
})

test('planning again from a cache that lags asks for the same name', () => {
  const plan = () => planSlices(service, [group([endpoint(1)])], [])
  assert.equal(plan().create[0]?.metadata.name, plan().create[0]?.metadata.name)
})

const anyEndpoints = fc
  .uniqueArray(fc.nat(400), { maxLength: 300 })
  .chain((ids) =>
    fc
      .array(fc.boolean(), { minLength: ids.length, maxLength: ids.length })
      .map((ready) => ids.map((id, index) => endpoint(id, ready[index]))),
  )
const anyGroups = fc
  .tuple(anyEndpoints, anyEndpoints)
  .map(([a, b]) => [group(a, 80), group(b, 90)].filter(({ endpoints }) => endpoints.length > 0))

test('after any change the slices hold exactly the wanted endpoints, and planning again changes nothing', () => {
  fc.assert(
    fc.property(anyGroups, anyGroups, (before, now) => {
      const slices = carryOut(carryOut([], before), now)
      const held = slices.flatMap(({ ports, endpoints }) => endpoints.map((each) => [ports?.[0]?.port, each]))
      const wanted = now.flatMap(({ ports, endpoints }) => endpoints.map((each) => [ports[0]?.port, each]))
      const sorted = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).toSorted()
      assert.deepEqual(sorted(held), sorted(wanted))
      assert.ok(slices.every(({ endpoints }) => endpoints.length <= 100))
      assert.deepEqual(planSlices(service, now, slices), { create: [], update: [], remove: [] })
    }),
    { numRuns: 60 },
  )
})
