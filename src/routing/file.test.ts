import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFinding, readRoutingFile, routingFileSchema } from './file.ts'
import { nearest } from '../base/nearest.ts'

/** As far as the test looks into it. */
interface JsonSchema {
  readonly $schema?: string
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: boolean
  readonly default?: unknown
  readonly type?: string
}

const SMALLEST = `
listeners:
  - port: 8080
routeTables:
  - virtualHosts:
      - routes:
          - action: { destinations: [{ cluster: v1, weight: 9 }, { cluster: v2 }] }
clusters:
  - name: v1
    endpoints: ['127.0.0.1:9001', '[::1]:9001']
  - name: v2
    endpoints: [{ address: localhost, port: 9002, workload: { name: echo, version: v2 } }]
`

/** What is wrong with the text, as `line:column: path: message`. */
function findings(text: string): readonly string[] {
  return readRoutingFile(text).findings.map((finding) => formatFinding(finding, 'f').replace('f:', ''))
}

test('what is left out is filled in', () => {
  const { snapshot, findings: found } = readRoutingFile(SMALLEST)
  assert.deepEqual(found, [])
  assert.deepEqual(snapshot, {
    generation: 0,
    sources: [],
    listeners: [{ id: 'listener-0', address: '127.0.0.1', port: 8080, protocol: 'http', routeTable: 'default' }],
    routeTables: [
      {
        id: 'default',
        virtualHosts: [
          {
            name: 'routeTables[0].virtualHosts[0]',
            domains: ['*'],
            routes: [
              {
                id: 'routeTables[0].virtualHosts[0].routes[0]',
                origin: {
                  group: '',
                  kind: 'RoutingFile',
                  namespace: '',
                  name: 'routeTables[0].virtualHosts[0].routes[0]',
                  generation: 0,
                  rule: 0,
                  match: 0,
                },
                match: {
                  path: { kind: 'prefix', value: '/', caseSensitive: true },
                  methods: [],
                  headers: [],
                  query: [],
                },
                action: {
                  kind: 'forward',
                  split: 'routeTables/0/routeTables[0].virtualHosts[0].routes[0]',
                  destinations: [
                    { kind: 'cluster', cluster: 'v1', weight: 9 },
                    { kind: 'cluster', cluster: 'v2', weight: 1 },
                  ],
                },
                policy: { timeoutMs: 15_000 },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'v1',
        service: { namespace: 'default', name: 'v1', port: 80 },
        endpoints: [
          { address: '127.0.0.1', port: 9001 },
          { address: '::1', port: 9001 },
        ],
        connectTimeoutMs: 5_000,
      },
      {
        name: 'v2',
        service: { namespace: 'default', name: 'v2', port: 80 },
        endpoints: [
          {
            address: 'localhost',
            port: 9002,
            workload: { namespace: 'default', name: 'echo', version: 'v2', pod: '' },
          },
        ],
        connectTimeoutMs: 5_000,
      },
    ],
  })
})

test('a snapshot written as JSON is read back as it was', () => {
  const { snapshot } = readRoutingFile(SMALLEST)
  assert.deepEqual(readRoutingFile(JSON.stringify(snapshot)), { snapshot, findings: [] })
})

test('a text stands for a path by elements, an exact value, an address with its port', () => {
  const { snapshot } = readRoutingFile(`
listeners: [{ port: 0 }]
routeTables:
  - virtualHosts:
      - routes:
          - match: { path: /api, methods: [get], headers: [{ name: Stage, value: canary }, { name: x }] }
            action: { kind: respond }
`)
  const [route] = snapshot?.routeTables[0]?.virtualHosts[0]?.routes ?? []
  assert.deepEqual(route?.match, {
    path: { kind: 'path-prefix', value: '/api', caseSensitive: true },
    methods: ['GET'],
    headers: [
      { name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false },
      { name: 'x', value: { kind: 'present' }, invert: false },
    ],
    query: [],
  })
})

test('every mistake is told, at its place, with the cure', () => {
  const text = `
listeners:
  - port: 80800
    adress: 0.0.0.0
routeTables:
  - virtualHosts:
      - domains: example.com
        routes:
          - action: { kind: forwrad }
          - match: { path: { kind: glob, value: '/*' } }
            action: { destinations: [] }
clusters:
  - name: 1
    endpoints:
      - 127.0.0.1
      - { address: a, port: '80' }
  - endpoints: []
`
  assert.deepEqual(findings(text), [
    '3:5: listeners[0].port: Cannot use 80800: expected a whole number from 0 to 65535',
    '4:5: listeners[0].adress: Cannot use "adress": there is no such field here; did you mean "address"?',
    '7:9: routeTables[0].virtualHosts[0].domains: Cannot use "example.com": expected a list',
    '9:23: routeTables[0].virtualHosts[0].routes[0].action.kind: Cannot use "forwrad": expected one of forward, redirect, respond; did you mean "forward"?',
    '10:30: routeTables[0].virtualHosts[0].routes[1].match.path.kind: Cannot use "glob": expected one of exact, prefix, path-prefix, regex',
    '11:23: routeTables[0].virtualHosts[0].routes[1].action.destinations: Cannot use a list: expected a list of at least 1',
    '13:5: clusters[0].name: Cannot use 1: expected a name; put it in quotes',
    '15:9: clusters[0].endpoints[0]: Cannot use "127.0.0.1": expected address:port',
    '16:23: clusters[0].endpoints[1].port: Cannot use "80": expected a whole number from 1 to 65535',
    '17:5: clusters[1].name: Cannot leave this out: what routes call it',
  ])
})

test('what cannot be served is told at its place too', () => {
  assert.deepEqual(findings(SMALLEST.replace('cluster: v2', 'cluster: v3')), [
    '7:68: routeTables[0].virtualHosts[0].routes[0].action.destinations[1].cluster: Cannot forward route "routeTables[0].virtualHosts[0].routes[0]": there is no cluster "v3"; did you mean "v1"?',
  ])
})

test('a warning does not keep the file from being served', () => {
  const text = SMALLEST.replace('      - routes:', '      - { name: other, routes: [] }\n      - routes:')
  const { snapshot, findings: found } = readRoutingFile(text)
  assert.notEqual(snapshot, undefined)
  assert.match(found.map((each) => formatFinding(each, 'f')).join(), /^f:7:9: warning: .*domain "\*"/)
})

test('what is no YAML, empty, or another thing altogether is refused', () => {
  assert.match(findings('listeners: [')[0] ?? '', /^1:13: Cannot read the file: /)
  assert.match(findings('')[0] ?? '', /^1:1: Cannot use nothing: expected an object/)
  assert.match(findings('a: 1\na: 2')[0] ?? '', /^2:1: Cannot read the file: the key "a" stands twice/)
  assert.match(findings('a: 1\n---\nb: 1')[0] ?? '', /multiple documents/)
})

test('a text that there is not the memory for is refused at once', () => {
  const { snapshot, findings: found } = readRoutingFile(`${SMALLEST}#${'x'.repeat(16 * 1024 * 1024)}`)
  assert.equal(snapshot, undefined)
  assert.match(found.map(({ message }) => message).join(), /more than 16777216/)
})

test('a template that nobody filled in is told as a mistake, and nothing is said beside it', async (t) => {
  const warnings: string[] = []
  const note = ({ message }: Error): unknown => warnings.push(message)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const [found = ''] = findings('listeners: [{ port: {{ .Values.port }} }]\nrouteTables: [{ virtualHosts: [] }]')
  assert.match(found, /^1:15: listeners\[0\]\.port: Cannot use an object/)
  // Warnings come with the next turn.
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  assert.deepEqual(warnings, [])
})

test('the schema has what is mandatory, what is possible and what is assumed', () => {
  const schema = JSON.parse(JSON.stringify(routingFileSchema())) as JsonSchema
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
  assert.deepEqual(schema.required, ['listeners', 'routeTables'])
  const listener = schema.properties['listeners']?.items
  assert.deepEqual(listener?.required, ['port'])
  assert.equal(listener.additionalProperties, false)
  assert.equal(listener.properties['port']?.type, 'integer')
  assert.equal(listener.properties['address']?.default, '127.0.0.1')
})

test('a name is near to one that differs by a slip or two, and to no other', () => {
  assert.equal(nearest('Timeoutms', ['timeoutMs', 'rewrite']), 'timeoutMs')
  assert.equal(nearest('rewirte', ['timeoutMs', 'rewrite']), 'rewrite')
  assert.equal(nearest('mirror', ['timeoutMs', 'rewrite']), undefined)
})
