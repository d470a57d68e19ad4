/** What a kind does at admission, behind its name and in time stands with the kind: the server has no lists of plural names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { AdmissionError, invalid } from '../kinds/field-errors.ts'
import type { Kind } from '../kinds/kind.ts'
import { objectMeta, typeMeta } from '../kinds/metadata.ts'
import { object, optional, string } from '../kinds/schema.ts'
import type { KubeObject } from '../kube/object.ts'
import { testKinds } from './testing/test-kinds.ts'
import { startTestServer } from './testing/test-server.ts'
import type { TestClient } from './testing/test-server.ts'

interface Door extends KubeObject {
  readonly spec: { readonly number?: string; readonly state?: string }
}

const spec = optional(object({ number: optional(string), state: optional(string) }))
const schema = object({ ...typeMeta, metadata: optional(objectMeta, 1), spec })
const common = { singular: 'door', shortNames: [], categories: [], columns: [], strategicPatch: false } as const

/** The old version calls its number a sign. */
interface OldDoor extends KubeObject {
  readonly spec?: { readonly sign?: string; readonly state?: string }
}

/** Numbers are given out, one to a door; an open door cannot be deleted away from under somebody. */
const doors: Kind<Door> = {
  ...common,
  type: { group: 'house.dev', version: 'v1', kind: 'Door', plural: 'doors', namespaced: true },
  schema,
  hasStatus: false,
  admission: {
    create: (door, { stored }) => {
      const taken = stored().map((other) => other.spec.number)
      const { number } = door.spec
      if (number !== undefined && taken.includes(number)) {
        throw new AdmissionError(invalid('spec.number', number, 'is taken'))
      }
      return { ...door, spec: { state: 'shut', number: String(taken.length + 1), ...door.spec } }
    },
    update: (door, old) => ({
      ...door,
      spec: { ...door.spec, ...(old.spec.number === undefined ? {} : { number: old.spec.number }) },
    }),
    whyNotDelete: (name) => (name === 'front' ? 'the house would have no door' : undefined),
  },
  defaults: (door) => ({ ...door, spec: { ...door.spec } }),
  subresources: [
    {
      kind: 'action',
      name: 'turn',
      bodyType: { apiVersion: 'house.dev/v1', kind: 'Turn' },
      bodySchema: object({ to: optional(string) }),
      act: (door, body, now) => {
        const { to } = body as { readonly to?: string }
        if (to === undefined) return { kind: 'bad-request', why: 'to: Required value' }
        if (to === door.spec.state) return { kind: 'conflict', why: `the door is ${to}` }
        const annotations = { turned: now }
        return {
          kind: 'done',
          object: { ...door, metadata: { ...door.metadata, annotations }, spec: { ...door.spec, state: to } },
        }
      },
    },
  ],
  versions: [
    {
      ...common,
      type: { group: 'house.dev', version: 'v1beta1', kind: 'Door', plural: 'doors', namespaced: true },
      schema: object({
        ...typeMeta,
        metadata: optional(objectMeta, 1),
        spec: optional(object({ sign: optional(string), state: optional(string) })),
      }),
      hasStatus: false,
      toHub: ({ spec: { sign, ...rest } = {}, ...door }: OldDoor): Door => ({
        ...door,
        spec: { ...rest, ...(sign === undefined ? {} : { number: sign }) },
      }),
      fromHub: ({ spec: { number, ...rest }, ...door }: Door): OldDoor => ({
        ...door,
        spec: { ...rest, ...(number === undefined ? {} : { sign: number }) },
      }),
    },
  ],
}

const DOORS = '/apis/house.dev/v1/namespaces/default/doors'
const OLD_DOORS = '/apis/house.dev/v1beta1/namespaces/default/doors'

async function start(t: TestContext): Promise<TestClient> {
  const { client } = await startTestServer(t, { kinds: [...testKinds, doors] })
  return client
}

test('admission sees the siblings of an object, in whatever version it comes', async (t) => {
  const client = await start(t)
  assert.deepEqual((await client.post(DOORS, { metadata: { name: 'a' } })).json.spec, { number: '1', state: 'shut' })
  assert.deepEqual((await client.post(OLD_DOORS, { metadata: { name: 'b' } })).json.spec, { sign: '2', state: 'shut' })
  const taken = await client.post(OLD_DOORS, { metadata: { name: 'c' }, spec: { sign: '2' } })
  assert.deepEqual(
    [taken.code, taken.json.message],
    [422, 'Door.house.dev "c" is invalid: spec.number: Invalid value: "2": is taken'],
  )
  const kept = await client.patch(`${OLD_DOORS}/b`, 'merge', { spec: { sign: '9' } })
  assert.deepEqual(kept.json.spec, { sign: '2', state: 'shut' })
})

test('a kind may refuse a deletion', async (t) => {
  const client = await start(t)
  await client.post(DOORS, { metadata: { name: 'front' } })
  const { code, json } = await client.delete(`${OLD_DOORS}/front`)
  assert.equal(code, 403)
  assert.equal(json.message, 'doors.house.dev "front" is forbidden: the house would have no door')
})

test('a subresource of the kind acts, is discovered, and is not there in a version that does not name it', async (t) => {
  const client = await start(t)
  await client.post(DOORS, { metadata: { name: 'a' } })
  assert.match((await client.get('/apis/house.dev/v1')).text, /"kind":"Turn","name":"doors\/turn","verbs":\["create"\]/)
  const turn = (body: object): ReturnType<typeof client.post> => client.post(`${DOORS}/a/turn`, body)
  assert.equal((await turn({})).json.message, 'to: Required value')
  assert.equal((await turn({ to: 'shut' })).code, 409)
  assert.equal((await turn({ to: 'open' })).code, 201)
  const { json } = await client.get(`${DOORS}/a`)
  assert.equal(json.spec['state'], 'open')
  assert.match(json.metadata.annotations?.['turned'] ?? '', /^\d{4}-.*Z$/)
  assert.equal((await client.get(`${DOORS}/a/turn`)).code, 405)
  assert.equal((await client.post(`${OLD_DOORS}/a/turn`, { to: 'shut' })).code, 404)
  assert.equal((await client.post(`${DOORS}/b/turn`, { to: 'shut' })).code, 404)
})
