/** Create, update, patch: what clients may send and what they get. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTestServer } from '../testing/test-server.ts'
import type { TestObject } from '../testing/test-server.ts'

const NOTES = '/api/v1/namespaces/default/notes'
const WIDGETS = '/apis/test.dev/v1/namespaces/default/widgets'
const GADGETS = '/apis/test.dev/v1/gadgets'

/** A length-delimited field of protobuf. */
function field(number: number, content: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), Buffer.from(content)])
}

describe('create', () => {
  test('gives the object its identity and its defaults, and ignores what only the server may set', async (t) => {
    const { client } = await startTestServer(t)
    const { code, json } = await client.post(WIDGETS, {
      metadata: { name: 'a', uid: 'mine', generation: 7, creationTimestamp: '2001-01-01T00:00:00Z' },
      spec: {},
      status: { color: 'red' },
    })
    assert.equal(code, 201)
    assert.match(json.metadata.uid ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.notEqual(json.metadata.creationTimestamp, '2001-01-01T00:00:00Z')
    assert.equal(json.metadata.generation, 1)
    assert.equal(json.metadata.namespace, 'default')
    assert.deepEqual([json.apiVersion, json.kind], ['test.dev/v1', 'Widget'])
    assert.deepEqual(json.spec, { size: 'small' })
    assert.equal(json.status, undefined)
    assert.deepEqual((await client.get(`${WIDGETS}/a`)).json, json)
  })

  test('drops the status of a body before anything is checked, by POST and by PUT; only /status takes and judges one', async (t) => {
    const { client } = await startTestServer(t)
    const body = { metadata: { name: 'a' }, spec: {}, status: { color: 7, reportedBy: 'elsewhere' } }
    const made = await client.post(`${WIDGETS}?fieldValidation=Strict`, body)
    assert.deepEqual([made.code, made.json.status], [201, undefined])
    const put = await client.put(`${WIDGETS}/a?fieldValidation=Strict`, { ...body, spec: { size: 'big' } })
    assert.deepEqual([put.code, put.json.status], [200, undefined])
    assert.notEqual((await client.put(`${WIDGETS}/a/status`, body)).code, 200)
  })

  test('takes nothing but the status at /status: what else is in the body is not even looked at', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { size: 'big' } })
    const body = { metadata: { name: 'a' }, spec: { size: 5, replicas: -1 }, status: { color: 'red' } }
    const { code, json } = await client.put(`${WIDGETS}/a/status`, body)
    assert.deepEqual([code, json.spec, json.status], [200, { size: 'big' }, { color: 'red' }])
    assert.equal(json.metadata.generation, 1)
  })

  test('generates a name from a prefix', async (t) => {
    const { client } = await startTestServer(t)
    const names = await Promise.all(
      Array.from({ length: 20 }, async () => (await client.post(NOTES, { metadata: { generateName: 'n-' } })).json),
    )
    for (const { metadata } of names) assert.match(metadata.name ?? '', /^n-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    assert.equal(new Set(names.map(({ metadata }) => metadata.name)).size, 20)
  })

  test('is refused in the words of Kubernetes', async (t) => {
    const { client } = await startTestServer(t)
    const ns = '/api/v1/namespaces'
    const widget = { metadata: { name: 'a' }, spec: {} }
    await client.post(WIDGETS, widget)
    const cases: [path: string, body: unknown, code: number, reason: string, message: string][] = [
      [WIDGETS, widget, 409, 'AlreadyExists', 'widgets.test.dev "a" already exists'],
      [
        NOTES,
        {},
        422,
        'Invalid',
        'Note "" is invalid: metadata.name: Required value: name or generateName is required',
      ],
      [`${ns}/nowhere/notes`, { metadata: { name: 'a' } }, 404, 'NotFound', 'namespaces "nowhere" not found'],
      [
        NOTES,
        { metadata: { name: 'a', namespace: 'kube-system' } },
        400,
        'BadRequest',
        'the namespace of the provided object does not match the namespace sent on the request',
      ],
      [
        WIDGETS,
        { metadata: { name: 'b' }, spec: { replicas: -1 } },
        422,
        'Invalid',
        'Widget.test.dev "b" is invalid: spec.replicas: Invalid value: must not be negative',
      ],
      [
        NOTES,
        '{"metadata":',
        400,
        'BadRequest',
        "the object provided is unrecognized: couldn't parse the body as JSON",
      ],
    ]
    for (const [path, body, code, reason, message] of cases) {
      const { json } = await client.post(path, body)
      assert.deepEqual([json.code, json.reason, json.message?.slice(0, message.length)], [code, reason, message])
    }
    const broken = await client.post(WIDGETS, { metadata: { name: 'Bad Name', labels: { '-x': 'y z' } }, spec: {} })
    assert.deepEqual(
      broken.json.details?.causes?.map((cause) => cause.field),
      ['metadata.name', 'metadata.labels', 'metadata.labels'],
    )
    assert.equal(broken.json.details?.kind, 'Widget')
  })

  test('refuses what is nested too deeply, whole or as a patch, as the mistake of the client', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'n' } })
    const body = `{"metadata":{"name":"deep"},"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`
    const types = ['application/merge-patch+json', 'application/strategic-merge-patch+json']
    const answers = [
      await client.post(NOTES, body),
      ...(await Promise.all(
        types.map((type) => client.request('PATCH', `${NOTES}/n`, { body, headers: { 'content-type': type } })),
      )),
    ]
    for (const { json } of answers) {
      assert.deepEqual([json.code, json.reason], [400, 'BadRequest'])
      assert.match(json.message ?? '', /nested more than 500 levels deep/)
    }
  })

  test('refuses a value of another JSON type as a bad request, in the words of Go', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { replicas: 1 } })
    const wrong = { metadata: { name: 'a' }, spec: { replicas: 'many' } }
    const apply = { body: wrong, headers: { 'content-type': 'application/apply-patch+yaml' } }
    for (const query of ['', 'fieldValidation=Strict', 'fieldValidation=Ignore']) {
      const answers = [
        await client.post(`${WIDGETS}?${query}`, wrong),
        await client.put(`${WIDGETS}/a?${query}`, wrong),
        await client.request('PATCH', `${WIDGETS}/a?fieldManager=me&${query}`, apply),
      ]
      for (const { code, json } of answers) {
        assert.equal(code, 400)
        assert.equal(
          json.message,
          'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal string into Go struct field Widget.spec.replicas of type int32',
        )
      }
    }
    const scale = await client.put(`${WIDGETS}/a/scale`, { spec: { replicas: 'many' } })
    assert.equal(
      scale.json.message,
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32',
    )
  })

  test('validates what came of a patch, and custom resources, instead', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' } })
    const patched = await client.patch(`${WIDGETS}/a`, 'merge', { spec: { replicas: 'many' } })
    const custom = await client.post(GADGETS, { metadata: { name: 5 } })
    assert.deepEqual([patched.code, custom.code], [422, 422])
    assert.match(patched.json.message ?? '', /spec\.replicas: Invalid value: "many": must be of type int32, not string/)
  })

  test('takes YAML as well as JSON', async (t) => {
    const { client } = await startTestServer(t)
    const headers = { 'content-type': 'application/yaml' }
    const body = 'metadata:\n  name: y\ndata:\n  text: hello\n'
    const { json } = await client.request('POST', NOTES, { body, headers })
    assert.equal(json.data['text'], 'hello')
    const broken = await client.request('POST', NOTES, { body: '{a: [', headers })
    assert.match(broken.json.message ?? '', /couldn't parse the body as YAML/)
  })

  test('refuses YAML with a key that stands twice, also where it is JSON, and YAML that takes long to read', async (t) => {
    const { client } = await startTestServer(t)
    const cases: [body: string, message: RegExp][] = [
      ['metadata: { name: y }\ndata:\n  a: b\n  a: c\n', /the key "a" stands twice/],
      ['metadata: { name: y }\n---\nmetadata: { name: z }\n', /more than one document/],
      ['{"metadata":{"name":"y"},"data":{"a":"b","a":"c"}}', /the field "data.a" stands in it twice/],
      [
        `metadata: { name: y }\ndata:\n${'  a: b\n'.repeat(40_000)}`,
        /more than 200000 words and signs: send it as JSON/,
      ],
      [`data: ${'['.repeat(50_000)}`, /call stack/],
      [`data: &a [${'*a,'.repeat(100)}]`, /nested more than 500/],
      [
        `a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]`,
        /more than 200000 values/,
      ],
    ]
    for (const [body, message] of cases) {
      const apply = { body, headers: { 'content-type': 'application/apply-patch+yaml' } }
      const answers = [
        await client.request('POST', NOTES, { body, headers: { 'content-type': 'application/yaml' } }),
        await client.request('PATCH', `${NOTES}/y?fieldManager=me`, apply),
      ]
      for (const { code, json } of answers) {
        assert.equal(code, 400)
        assert.match(json.message ?? '', message)
      }
    }
  })

  test('takes the protobuf of newer kubectls, and refuses what is none', async (t) => {
    const { client } = await startTestServer(t)
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
    const type = Buffer.concat([field(1, 'v1'), field(2, 'Note')])
    const note = field(1, field(1, 'from-protobuf'))
    const body = Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, note)])
    const { code, json } = await client.request('POST', NOTES, { body, headers })
    assert.deepEqual([code, json.metadata.name], [201, 'from-protobuf'])
    const scale = Buffer.concat([field(1, field(1, 'w')), field(2, Buffer.from([8, 3]))])
    const scaleType = Buffer.concat([field(1, 'autoscaling/v1'), field(2, 'Scale')])
    const scaleBody = Buffer.concat([Buffer.from('k8s\0'), field(1, scaleType), field(2, scale)])
    await client.post(WIDGETS, { metadata: { name: 'w' } })
    const scaled = await client.request('PUT', `${WIDGETS}/w/scale`, { body: scaleBody, headers })
    assert.deepEqual([scaled.code, scaled.json.spec], [200, { replicas: 3 }])
    const requirement = Buffer.concat([field(1, 'app'), field(2, 'In'), field(3, 'a'), field(3, 'b')])
    const selectors = Buffer.concat([field(8, field(1, 'metadata.name=a')), field(9, field(2, requirement))])
    const reviewType = Buffer.concat([field(1, 'authorization.k8s.io/v1'), field(2, 'SelfSubjectAccessReview')])
    const review = Buffer.concat([Buffer.from('k8s\0'), field(1, reviewType), field(2, field(2, field(1, selectors)))])
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const reviewed = await client.request('POST', path, { body: review, headers })
    assert.deepEqual(reviewed.json.spec['resourceAttributes'], {
      fieldSelector: { rawSelector: 'metadata.name=a' },
      labelSelector: { requirements: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] },
    })
    const broken = await client.request('POST', NOTES, { body: Buffer.from('k8s\0\xff'), headers })
    assert.match(broken.json.message ?? '', /couldn't decode the protobuf body/)
    const unknown = await client.request('POST', NOTES, { body: 'x', headers: { 'content-type': 'image/png' } })
    assert.equal(unknown.code, 415)
    for (const foreign of ['text/plain', 'application/x-www-form-urlencoded']) {
      const { code: refused } = await client.request('POST', NOTES, {
        body: '{}',
        headers: { 'content-type': foreign },
      })
      assert.equal(refused, 415, foreign)
    }
  })

  test('a body over the limit is refused with a message the client gets to read', async (t) => {
    const { client } = await startTestServer(t)
    const { code, json } = await client.post(NOTES, { metadata: { name: 'big' }, data: { x: 'y'.repeat(10_000_000) } })
    assert.equal(code, 413)
    assert.equal(json.reason, 'RequestEntityTooLarge')
  })

  test('a dry run tells everything and changes nothing', async (t) => {
    const { client } = await startTestServer(t)
    const dry = await client.post(`${WIDGETS}?dryRun=All`, { metadata: { name: 'a' }, spec: {} })
    assert.equal(dry.code, 201)
    assert.deepEqual(dry.json.spec, { size: 'small' })
    assert.equal((await client.get(`${WIDGETS}/a`)).code, 404)
    assert.equal((await client.post(`${WIDGETS}?dryRun=Some`, { metadata: { name: 'a' } })).code, 400)
  })
})

describe('unknown and doubled fields', () => {
  const body = '{"metadata":{"name":"a"},"spec":{"size":"s","size":"m","sise":1,"parts":[{"name":"p","imagee":"x"}]}}'
  const problems = [
    'duplicate field "spec.size"',
    'unknown field "spec.parts[0].imagee"; did you mean "image"?',
    'unknown field "spec.sise"; did you mean "size"?',
  ]

  test('are refused when strict, with all of them named', async (t) => {
    const { client } = await startTestServer(t)
    const { code, json } = await client.post(`${WIDGETS}?fieldValidation=Strict`, body)
    assert.equal(code, 400)
    assert.match(json.message ?? '', /^Widget in version "v1" cannot be handled as a Widget: strict decoding error: /)
    for (const problem of problems) assert.ok(json.message?.includes(problem), problem)
  })

  test('are warned about by default, and dropped', async (t) => {
    const { client } = await startTestServer(t)
    const { code, json, headers } = await client.post(WIDGETS, body)
    assert.equal(code, 201)
    assert.deepEqual(json.spec, { size: 'm', parts: [{ name: 'p' }] })
    for (const problem of problems) {
      assert.ok((headers['warning'] ?? '').includes(`299 - "${problem.replaceAll('"', '\\"')}"`), problem)
    }
  })

  test('are dropped silently when told to', async (t) => {
    const { client } = await startTestServer(t)
    assert.equal((await client.post(`${WIDGETS}?fieldValidation=Ignore`, body)).headers['warning'], undefined)
  })
})

test('the warnings of a kind travel as headers', async (t) => {
  const { client } = await startTestServer(t)
  const { headers } = await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { legacy: true } })
  assert.equal(headers['warning'], '299 - "spec.legacy: deprecated \\"since\\" v1"')
})

describe('update', () => {
  test('with a version writes only that version', async (t) => {
    const { client } = await startTestServer(t)
    const { json: first } = await client.post(NOTES, { metadata: { name: 'a' } })
    const { json: second } = await client.put(`${NOTES}/a`, { ...first, data: { x: '1' } })
    assert.equal(second.data['x'], '1')
    const { json } = await client.put(`${NOTES}/a`, { ...first, data: { x: '2' } })
    assert.equal(
      json.message,
      'Operation cannot be fulfilled on notes "a": the object has been modified; please apply your changes to the latest version and try again',
    )
    assert.equal(json.reason, 'Conflict')
  })

  test('without a version writes blindly, except for kinds that ask for one', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    assert.equal((await client.put(`${NOTES}/a`, { metadata: { name: 'a' }, data: { x: '1' } })).code, 200)
    await client.post(GADGETS, { metadata: { name: 'g' } })
    const { json } = await client.put(`${GADGETS}/g`, { metadata: { name: 'g' } })
    assert.match(json.message ?? '', /metadata.resourceVersion: Invalid value: 0x0: must be specified for an update/)
  })

  test('of what does not exist, or under another name, is refused', async (t) => {
    const { client } = await startTestServer(t)
    assert.equal((await client.put(`${NOTES}/a`, { metadata: { name: 'a' } })).json.message, 'notes "a" not found')
    await client.post(NOTES, { metadata: { name: 'a' } })
    const { json } = await client.put(`${NOTES}/a`, { metadata: { name: 'b' } })
    assert.equal(json.message, 'the name of the object (b) does not match the name on the URL (a)')
    const other = await client.put(`${NOTES}/a`, { metadata: { name: 'a', uid: 'x' } })
    assert.match(other.json.message ?? '', /Precondition failed: UID in precondition: x/)
  })

  test('that changes nothing keeps the version', async (t) => {
    const { client } = await startTestServer(t)
    const { json: first } = await client.post(WIDGETS, { metadata: { name: 'a' }, spec: {} })
    const { json: second } = await client.put(`${WIDGETS}/a`, { metadata: { name: 'a' }, spec: {} })
    assert.deepEqual(second, first)
  })

  test('raises the generation for the spec; never for what is in the metadata or the status', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: {} })
    const generation = async (patch: unknown, path = `${WIDGETS}/a`): Promise<number | undefined> =>
      (await client.patch(path, 'merge', patch)).json.metadata.generation
    assert.equal(await generation({ spec: { size: 'big' } }), 2)
    assert.equal(await generation({ metadata: { labels: { a: 'b' } } }), 2)
    assert.equal(await generation({ metadata: { annotations: { a: 'b' } } }), 2)
    assert.equal(await generation({ status: { color: 'red' } }, `${WIDGETS}/a/status`), 2)
  })
})

describe('subresources', () => {
  test('status and the rest are written apart from each other', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: {} })
    const viaStatus = { metadata: { name: 'a', labels: { x: 'y' } }, spec: { size: 'huge' }, status: { color: 'red' } }
    const { json: first } = await client.put(`${WIDGETS}/a/status`, viaStatus)
    assert.deepEqual(first.status, { color: 'red' })
    assert.deepEqual([first.spec, first.metadata.labels], [{ size: 'small' }, undefined])
    const { json: second } = await client.put(`${WIDGETS}/a`, { ...viaStatus, status: { color: 'blue' } })
    assert.deepEqual(second.spec, { size: 'huge' })
    assert.deepEqual(second.status, { color: 'red' })
    assert.equal((await client.get(`${NOTES}/a/status`)).code, 404)
  })

  test('scale shows and changes the number of replicas', async (t) => {
    const { client } = await startTestServer(t)
    const spec = { replicas: 2, selector: { matchLabels: { app: 'a', tier: 'b' } } }
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec })
    await client.patch(`${WIDGETS}/a/status`, 'merge', { status: { replicas: 1 } })
    const { json: scale } = await client.get(`${WIDGETS}/a/scale`)
    assert.deepEqual([scale.apiVersion, scale.kind], ['autoscaling/v1', 'Scale'])
    assert.deepEqual(scale.spec, { replicas: 2 })
    assert.deepEqual(scale.status, { replicas: 1, selector: 'app=a,tier=b' })

    const { json: patched } = await client.patch(`${WIDGETS}/a/scale`, 'merge', { spec: { replicas: 5 } })
    assert.deepEqual(patched.spec, { replicas: 5 })
    assert.deepEqual((await client.get(`${WIDGETS}/a`)).json.spec['replicas'], 5)
    const stale = await client.put(`${WIDGETS}/a/scale`, { ...scale, spec: { replicas: 7 } })
    assert.equal(stale.json.reason, 'Conflict')
    assert.equal((await client.put(`${WIDGETS}/a/scale`, { ...patched, spec: { replicas: 7 } })).code, 200)
    const negative = await client.patch(`${WIDGETS}/a/scale`, 'merge', { spec: { replicas: -1 } })
    assert.equal(negative.code, 422)
  })

  test('scale is a table of its own for who asks for one', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { replicas: 2 } })
    const { json } = await client.get(`${WIDGETS}/a/scale`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    const columns = json['columnDefinitions'] as { readonly name: string; readonly type: string }[]
    assert.deepEqual(
      columns.map(({ name, type }) => `${name} ${type}`),
      ['Name string', 'Desired integer', 'Available integer', 'Age string'],
    )
    const [row] = json['rows'] as { readonly cells: readonly unknown[] }[]
    assert.deepEqual(row?.cells.slice(0, 3), ['a', 2, 0])
  })

  test('a pod is bound to a node once', async (t) => {
    const { client } = await startTestServer(t)
    const pods = '/api/v1/namespaces/default/pods'
    await client.post(pods, { metadata: { name: 'p' } })
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } }
    assert.equal((await client.post(`${pods}/p/binding`, binding)).code, 201)
    const { json: bound } = await client.get(`${pods}/p`)
    assert.deepEqual([bound.spec['nodeName'], bound.metadata.generation], ['n1', 1])
    assert.equal((await client.post(`${pods}/p/binding`, binding)).json.reason, 'Conflict')
  })

  test('logs stream from the node agent, with the options of the query', async (t) => {
    const seen: unknown[] = []
    const { client } = await startTestServer(t, {
      kubelet: {
        logs: async function* (pod, options) {
          seen.push([pod, options])
          yield Buffer.from('line 1\n')
          yield Buffer.from('line 2\n')
        },
      },
    })
    const pods = '/api/v1/namespaces/default/pods'
    assert.equal((await client.get(`${pods}/p/log`)).code, 404)
    await client.post(pods, { metadata: { name: 'p' } })
    const { text, headers } = await client.get(`${pods}/p/log?container=c&tailLines=10&follow=true`)
    assert.equal(text, 'line 1\nline 2\n')
    assert.equal(headers['content-type'], 'text/plain')
    const options = { follow: true, previous: false, timestamps: false, container: 'c', tailLines: 10 }
    assert.deepEqual(seen, [[{ namespace: 'default', name: 'p' }, options]])
    assert.equal((await client.get(`${pods}/p/log?tailLines=x`)).code, 400)
  })

  test('what kubectl asks of a pod and is not there yet is said, with another way', async (t) => {
    const { client } = await startTestServer(t)
    const pod = '/api/v1/namespaces/default/pods/p'
    await client.post('/api/v1/namespaces/default/pods', { metadata: { name: 'p' } })
    for (const [subresource, what, instead] of [
      ['exec', /^exec is not supported by Sluice yet: /, /run the command on this machine/],
      ['attach', /^attach is not supported by Sluice yet: /, /kubectl logs -f/],
      ['portforward', /^port-forward is not supported by Sluice yet: /, /kubectl get pods -o wide/],
    ] as const) {
      for (const method of ['GET', 'POST']) {
        const { code, json } = await client.request(method, `${pod}/${subresource}?command=sh`)
        assert.deepEqual([code, json.kind, json.reason], [501, 'Status', 'NotImplemented'])
        assert.match(json.message ?? '', what)
        assert.match(json.message ?? '', instead)
      }
    }
    assert.equal((await client.get(`${pod}/other`)).code, 404)
  })
})

describe('metadata', () => {
  test('that is empty is not kept', async (t) => {
    const { client } = await startTestServer(t)
    const empty = { finalizers: [], labels: {}, annotations: {}, ownerReferences: [] }
    const names = Object.keys(empty)
    const kept = (object: TestObject): readonly string[] => names.filter((name) => name in object.metadata)
    assert.deepEqual(kept((await client.post(NOTES, { metadata: { name: 'a', ...empty } })).json), [])
    const emptied = { finalizers: [], labels: { a: null }, annotations: { a: null } }
    const full = { finalizers: ['x.dev/one'], labels: { a: 'b' }, annotations: { a: 'b' } }
    assert.equal(kept((await client.patch(`${NOTES}/a`, 'merge', { metadata: full })).json).length, 3)
    assert.deepEqual(kept((await client.patch(`${NOTES}/a`, 'merge', { metadata: emptied })).json), [])
  })
})

describe('patch', () => {
  test('in each of the three forms', async (t) => {
    const { client } = await startTestServer(t)
    const parts = [
      { name: 'a', image: '1' },
      { name: 'b', image: '1' },
    ]
    await client.post(WIDGETS, { metadata: { name: 'w' }, spec: { parts } })
    const path = `${WIDGETS}/w`
    const strategic = await client.patch(path, 'strategic-merge', { spec: { parts: [{ name: 'b', image: '2' }] } })
    assert.deepEqual(strategic.json.spec['parts'], [
      { name: 'a', image: '1' },
      { name: 'b', image: '2' },
    ])
    const json = await client.patch(path, 'json', [{ op: 'replace', path: '/spec/parts/0/image', value: '3' }])
    assert.deepEqual(json.json.spec['parts'], [
      { name: 'a', image: '3' },
      { name: 'b', image: '2' },
    ])
    const merge = await client.patch(path, 'merge', { spec: { parts: [{ name: 'c' }] } })
    assert.deepEqual(merge.json.spec['parts'], [{ name: 'c' }])
  })

  test('in a form the kind does not take is refused', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(GADGETS, { metadata: { name: 'g' } })
    const { json } = await client.patch(`${GADGETS}/g`, 'strategic-merge', {})
    assert.equal(json.code, 415)
    assert.equal(
      json.message,
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json',
    )
  })

  test("that cannot be applied is the request's fault, not the server's", async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    assert.equal((await client.patch(`${NOTES}/a`, 'json', { op: 'add' })).code, 400)
    const failed = await client.patch(`${NOTES}/a`, 'json', [{ op: 'test', path: '/data', value: 1 }])
    assert.equal(failed.code, 422)
    assert.match(failed.json.message ?? '', /^the server rejected our request/)
    assert.equal((await client.patch(`${NOTES}/a`, 'merge', { data: { x: { y: 1 } } })).code, 422)
  })

  test('many at once all take effect', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        client.patch(`${NOTES}/a`, 'merge', { data: { [`k${index}`]: String(index) } }),
      ),
    )
    assert.deepEqual([...new Set(answers.map(({ code }) => code))], [200])
    assert.equal(Object.keys((await client.get(`${NOTES}/a`)).json.data).length, 50)
  })

  test('with a version is held to it', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const { json } = await client.patch(`${NOTES}/a`, 'merge', { metadata: { resourceVersion: '1' }, data: { a: 'b' } })
    assert.equal(json.reason, 'Conflict')
  })
})

test('managedFields tell who set which field', async (t) => {
  const { client } = await startTestServer(t)
  await client.post(`${WIDGETS}?fieldManager=alice`, { metadata: { name: 'a' }, spec: { size: 'm', replicas: 1 } })
  const body = { spec: { replicas: 2 } }
  const headers = { 'content-type': 'application/merge-patch+json', 'user-agent': 'bob/1.0' }
  await client.request('PATCH', `${WIDGETS}/a`, { body, headers })
  await client.patch(`${WIDGETS}/a/status?fieldManager=carol`, 'merge', { status: { color: 'red' } })
  const { json } = await client.get(`${WIDGETS}/a`)
  assert.deepEqual(
    json.metadata.managedFields?.map(({ manager, subresource, fieldsV1 }) => [manager, subresource, fieldsV1]),
    [
      ['alice', undefined, { 'f:spec': { 'f:size': {} } }],
      ['bob', undefined, { 'f:spec': { 'f:replicas': {} } }],
      ['carol', 'status', { 'f:status': { 'f:color': {} } }],
    ],
  )
})
