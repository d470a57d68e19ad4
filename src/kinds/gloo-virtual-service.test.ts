import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { checkObject } from './check.ts'
import type { VirtualService } from './gloo-virtual-service.ts'
import { unsupportedInVirtualService, virtualServiceErrors, virtualServiceKind } from './gloo-virtual-service.ts'

const HOST = 'spec.virtualHost'
const ROUTE = `${HOST}.routes[0]`

interface Refused {
  readonly what: string
  /** The virtual host, as YAML. */
  readonly host: string
  readonly reason: string
  readonly field: string
}

const TO_ECHO = 'routeAction: { single: { upstream: { name: echo } } }'

function toMatch(matcher: string): string {
  return `{ routes: [{ matchers: [${matcher}], ${TO_ECHO} }] }`
}

function toSplit(destinations: string): string {
  return `{ routes: [{ routeAction: { multi: { destinations: [${destinations}] } } }] }`
}

const REFUSED: readonly Refused[] = [
  { what: 'an empty domain', host: '{ domains: [""] }', reason: 'FieldValueRequired', field: `${HOST}.domains[0]` },
  {
    what: 'a domain with the wildcard elsewhere',
    host: '{ domains: ["a.*.test"] }',
    reason: 'FieldValueInvalid',
    field: `${HOST}.domains[0]`,
  },
  {
    what: 'a domain that is there twice, in whatever case',
    host: '{ domains: [a.test, A.test] }',
    reason: 'FieldValueDuplicate',
    field: `${HOST}.domains[1]`,
  },
  { what: 'a route without an action', host: '{ routes: [{}] }', reason: 'FieldValueRequired', field: ROUTE },
  {
    what: 'a route with two actions',
    host: `{ routes: [{ ${TO_ECHO}, directResponseAction: { status: 200 } }] }`,
    reason: 'FieldValueInvalid',
    field: ROUTE,
  },
  {
    what: 'two routes of one name',
    host: `{ routes: [{ name: a, ${TO_ECHO} }, { name: a, ${TO_ECHO} }] }`,
    reason: 'FieldValueDuplicate',
    field: `${HOST}.routes[1].name`,
  },
  {
    what: 'a matcher without a path',
    host: toMatch('{ methods: [GET] }'),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.matchers[0]`,
  },
  {
    what: 'a matcher with two paths',
    host: toMatch('{ prefix: /, exact: / }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0]`,
  },
  {
    what: 'a prefix that no path has',
    host: toMatch('{ prefix: api }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].prefix`,
  },
  {
    what: 'a broken regex of a path',
    host: toMatch('{ regex: "/(" }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].regex`,
  },
  {
    what: 'a regex that RE2 does not have',
    host: toMatch('{ regex: "/(?=a).*" }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].regex`,
  },
  {
    what: 'a broken regex of a header',
    host: toMatch('{ prefix: /, headers: [{ name: stage, value: "[", regex: true }] }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].headers[0].value`,
  },
  {
    what: 'a header without a name',
    host: toMatch('{ prefix: /, headers: [{ value: canary }] }'),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.matchers[0].headers[0].name`,
  },
  {
    what: 'a broken regex of a query parameter',
    host: toMatch('{ prefix: /, queryParameters: [{ name: q, value: "*", regex: true }] }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].queryParameters[0].value`,
  },
  {
    what: 'a method in lower case',
    host: toMatch('{ prefix: /, methods: [get] }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.matchers[0].methods[0]`,
  },
  {
    what: 'a route action without a destination',
    host: '{ routes: [{ routeAction: {} }] }',
    reason: 'FieldValueRequired',
    field: `${ROUTE}.routeAction`,
  },
  {
    what: 'a split over nothing',
    host: toSplit(''),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.routeAction.multi.destinations`,
  },
  {
    what: 'weights that sum to 0',
    host: toSplit('{ destination: { upstream: { name: a } } }, { weight: 0, destination: { upstream: { name: b } } }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.routeAction.multi.destinations`,
  },
  {
    what: 'a negative weight',
    host: toSplit(
      '{ weight: 1, destination: { upstream: { name: a } } }, { weight: -1, destination: { upstream: { name: b } } }',
    ),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.routeAction.multi.destinations[1].weight`,
  },
  {
    what: 'a destination of two kinds',
    host: toSplit('{ weight: 1, destination: { upstream: { name: a }, kube: { ref: { name: a }, port: 80 } } }'),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.routeAction.multi.destinations[0].destination`,
  },
  {
    what: 'a Service as a destination without its port',
    host: '{ routes: [{ routeAction: { single: { kube: { ref: { name: a } } } } }] }',
    reason: 'FieldValueRequired',
    field: `${ROUTE}.routeAction.single.kube.port`,
  },
  {
    what: 'a redirect code that is none',
    host: '{ routes: [{ redirectAction: { hostRedirect: a.test, responseCode: TEAPOT } }] }',
    reason: 'FieldValueNotSupported',
    field: `${ROUTE}.redirectAction.responseCode`,
  },
  {
    what: 'a redirect to two paths',
    host: '{ routes: [{ redirectAction: { pathRedirect: /a, prefixRewrite: /b } }] }',
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.redirectAction`,
  },
  {
    what: 'an answer with a status that no final answer has',
    host: '{ routes: [{ directResponseAction: { status: 101 } }] }',
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.directResponseAction.status`,
  },
  {
    what: 'an answer that is too long',
    host: `{ routes: [{ directResponseAction: { status: 200, body: ${'a'.repeat(4_097)} } }] }`,
    reason: 'FieldValueTooLong',
    field: `${ROUTE}.directResponseAction.body`,
  },
  {
    what: 'a timeout that is no duration',
    host: `{ routes: [{ ${TO_ECHO}, options: { timeout: soon } }] }`,
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.timeout`,
  },
  {
    what: 'two host rewrites',
    host: `{ routes: [{ ${TO_ECHO}, options: { hostRewrite: a.test, autoHostRewrite: true } }] }`,
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options`,
  },
]

for (const { what, host, reason, field } of REFUSED) {
  test(`${what} is refused`, () => {
    const errors = virtualServiceErrors(read(host))
    assert.deepEqual(
      errors.map((error) => [error.reason, error.field]),
      [[reason, field]],
    )
  })
}

test('all that is wrong is said at once', () => {
  const errors = virtualServiceErrors(read(`{ domains: [""], routes: [{}, { ${TO_ECHO}, options: { timeout: x } }] }`))
  assert.equal(errors.length, 3)
})

test('a VirtualService without a virtual host says what is missing', () => {
  assert.deepEqual(virtualServiceErrors({ ...read('{}'), spec: {} }), [
    { reason: 'FieldValueRequired', field: 'spec.virtualHost', message: 'Required value' },
  ])
})

test('every domain that the routing model knows is accepted', () => {
  assert.deepEqual(
    virtualServiceErrors(read('{ domains: ["*", a.test, "*.a.test", "a.test:8080", "*:8080", localhost] }')),
    [],
  )
})

test('a field that Gloo does not know is reported, also deep inside', () => {
  const object = read(`{ routes: [{ matchers: [{ prefix: /, header: [] }], ${TO_ECHO} }] }`)
  assert.deepEqual(checkObject(virtualServiceKind.schema, object).unknownFields, [`${ROUTE}.matchers[0].header`])
})

test('what is known and not acted on is said when it is applied', () => {
  const object = read(`{ options: { cors: {} }, routes: [{ ${TO_ECHO}, options: { jwt: {}, retries: {} } }] }`)
  assert.deepEqual(
    unsupportedInVirtualService(object).map(({ severity, path }) => `${severity} ${path}`),
    [`warning ${HOST}.options.cors`, `error ${ROUTE}.options.jwt`, `warning ${ROUTE}.options.retries`],
  )
  assert.equal(virtualServiceKind.warnings?.(object).length, 3)
})

test('kubectl get shows its hosts and what became of it', () => {
  const object: VirtualService = {
    ...read('{ domains: [a.test, b.test] }'),
    status: {
      state: 3,
      conditions: [
        {
          type: 'Programmed',
          status: 'True',
          reason: 'Programmed',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  }
  const cells = virtualServiceKind.columns.map((column) => [column.name, column.cell(object, 0)])
  assert.deepEqual(cells.slice(0, 4), [
    ['Display Name', ''],
    ['Domains', 'a.test,b.test'],
    ['State', 'Warning'],
    ['Programmed', 'True'],
  ])
})

function read(virtualHost: string): VirtualService {
  return {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: { virtualHost: parse(virtualHost) as NonNullable<VirtualService['spec']>['virtualHost'] & object },
  }
}
