import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { checkObject } from '../../../kinds/check.ts'
import type { VirtualService } from './virtual-service.ts'
import { unsupportedInVirtualService, virtualServiceErrors, virtualServiceKind } from './virtual-service.ts'

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

function withOptions(options: string): string {
  return `{ routes: [{ ${TO_ECHO}, options: ${options} }] }`
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
  {
    what: 'a header that is not changed as one',
    host: withOptions(`{ headerManipulation: { requestHeadersToAdd: [{ header: { key: Host, value: a } }] } }`),
    reason: 'FieldValueForbidden',
    field: `${ROUTE}.options.headerManipulation.requestHeadersToAdd[0].header.key`,
  },
  {
    what: 'a header of one destination that is not changed as one',
    host: `{ routes: [{ routeAction: { multi: { destinations: [{ weight: 1, destination: { upstream: { name: echo } },
      options: { headerManipulation: { requestHeadersToRemove: [Host] } } }] } } }] }`,
    reason: 'FieldValueForbidden',
    field: `${ROUTE}.routeAction.multi.destinations[0].options.headerManipulation.requestHeadersToRemove[0]`,
  },
  {
    what: 'a pseudo-header to remove',
    host: withOptions(`{ headerManipulation: { responseHeadersToRemove: [':status'] } }`),
    reason: 'FieldValueForbidden',
    field: `${ROUTE}.options.headerManipulation.responseHeadersToRemove[0]`,
  },
  {
    what: 'a name that no header has',
    host: withOptions(`{ headerManipulation: { requestHeadersToRemove: ['a b'] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.headerManipulation.requestHeadersToRemove[0]`,
  },
  {
    what: 'a header to add without a header',
    host: withOptions(`{ headerManipulation: { requestHeadersToAdd: [{ append: true }] } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.headerManipulation.requestHeadersToAdd[0].header`,
  },
  {
    what: 'a header value that would end its line',
    host: withOptions(`{ headerManipulation: { requestHeadersToAdd: [{ header: { key: a, value: "b\\nc" } }] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.headerManipulation.requestHeadersToAdd[0].header.value`,
  },
  {
    what: 'a percent sign that begins no variable',
    host: withOptions(`{ headerManipulation: { requestHeadersToAdd: [{ header: { key: a, value: 5% } }] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.headerManipulation.requestHeadersToAdd[0].header.value`,
  },
  {
    what: 'more retries than help anybody',
    host: withOptions(`{ retries: { retryOn: 5xx, numRetries: 101 } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.retries.numRetries`,
  },
  {
    what: 'a longest back-off without a shortest',
    host: withOptions(`{ retries: { retryBackOff: { maxInterval: 1s } } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.retries.retryBackOff.baseInterval`,
  },
  {
    what: 'a back-off that shrinks',
    host: withOptions(`{ retries: { retryBackOff: { baseInterval: 2s, maxInterval: 1s } } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.retries.retryBackOff.maxInterval`,
  },
  {
    what: 'a back-off of no time',
    host: withOptions(`{ retries: { retryBackOff: { baseInterval: 0s } } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.retries.retryBackOff.baseInterval`,
  },
  {
    what: 'a fault for more than all',
    host: withOptions(`{ faults: { abort: { percentage: 100.1, httpStatus: 500 } } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.faults.abort.percentage`,
  },
  {
    what: 'an abort without a status',
    host: withOptions(`{ faults: { abort: { percentage: 1 } } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.faults.abort.httpStatus`,
  },
  {
    what: 'a delay of no time',
    host: withOptions(`{ faults: { delay: { percentage: 1, fixedDelay: 0s } } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.faults.delay.fixedDelay`,
  },
  {
    what: 'CORS for nobody',
    host: withOptions(`{ cors: { allowMethods: [GET] } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.cors.allowOrigin`,
  },
  {
    what: 'a broken regex of origins',
    host: withOptions(`{ cors: { allowOriginRegex: ['('] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.cors.allowOriginRegex[0]`,
  },
  {
    what: 'a method of CORS that is none',
    host: withOptions(`{ cors: { allowOrigin: ['*'], allowMethods: ['G ET'] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.cors.allowMethods`,
  },
  {
    what: 'an age of CORS that is no time',
    host: withOptions(`{ cors: { allowOrigin: ['*'], maxAge: long } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.cors.maxAge`,
  },
  {
    what: 'a rewrite by no regex',
    host: withOptions(`{ regexRewrite: { substitution: a } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.regexRewrite.pattern.regex`,
  },
  {
    what: 'two rewrites of the path',
    host: withOptions(`{ regexRewrite: { pattern: { regex: a } }, prefixRewrite: /b }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options`,
  },
  {
    what: 'copies for nobody',
    host: withOptions(`{ shadowing: { percentage: 5 } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.shadowing.upstream.name`,
  },
  {
    what: 'a hash of nothing',
    host: withOptions(`{ lbHash: { hashPolicies: [{ terminal: true }] } }`),
    reason: 'FieldValueRequired',
    field: `${ROUTE}.options.lbHash.hashPolicies[0]`,
  },
  {
    what: 'a cookie without a name',
    host: withOptions(`{ lbHash: { hashPolicies: [{ cookie: { ttl: 1s } }] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.lbHash.hashPolicies[0].cookie.name`,
  },
  {
    what: 'a cookie for longer than browsers keep one',
    host: withOptions(`{ lbHash: { hashPolicies: [{ cookie: { name: a, ttl: 9601h } }] } }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.lbHash.hashPolicies[0].cookie.ttl`,
  },
  {
    what: 'an idle timeout that is no duration',
    host: withOptions(`{ idleTimeout: soon }`),
    reason: 'FieldValueInvalid',
    field: `${ROUTE}.options.idleTimeout`,
  },
  {
    what: 'a way to merge that Gloo does not have',
    host: '{ options: { corsPolicyMergeSettings: { exposeHeaders: INTERSECTION } } }',
    reason: 'FieldValueNotSupported',
    field: `${HOST}.options.corsPolicyMergeSettings.exposeHeaders`,
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
  const object = read(`{ options: { stats: {} }, routes: [{ ${TO_ECHO}, options: { jwt: {}, tracing: {} } }] }`)
  assert.deepEqual(
    unsupportedInVirtualService(object).map(({ severity, path }) => `${severity} ${path}`),
    [`warning ${HOST}.options.stats`, `error ${ROUTE}.options.jwt`, `warning ${ROUTE}.options.tracing`],
  )
  assert.equal(virtualServiceKind.warnings?.(object).length, 3)
})

test('a retry condition that Sluice does not have is named when it is applied', () => {
  const object = read(`{ routes: [{ ${TO_ECHO}, options: { retries: { retryOn: "5xx,interrupted" } } }] }`)
  assert.deepEqual(virtualServiceKind.warnings?.(object), [
    `${ROUTE}.options.retries.retryOn: Cannot act on "interrupted": Sluice has no such condition; nothing is tried again for it`,
  ])
})

test('options that Sluice acts on are applied without a word', () => {
  const options = `
    headerManipulation: { requestHeadersToAdd: [{ header: { key: x-env, value: 100%% }, append: false }] }
    retries: { retryOn: "5xx,reset", numRetries: 3, perTryTimeout: 1s, retryBackOff: { baseInterval: 10ms } }
    faults: { abort: { percentage: 0.5, httpStatus: 503 } }
    cors: { allowOrigin: ["*"], allowMethods: ["GET, PUT"], maxAge: 1d }
    regexRewrite: { pattern: { regex: a+ }, substitution: b }
    idleTimeout: 0s
    shadowing: { upstream: { name: other }, percentage: 10 }
    lbHash: { hashPolicies: [{ cookie: { name: sticky, ttl: 0s } }] }
    upgrades: [{ websocket: {} }]
  `
  const object = read(`{ routes: [{ ${TO_ECHO}, options: ${JSON.stringify(parse(options))} }] }`)
  assert.deepEqual(virtualServiceErrors(object), [])
  assert.deepEqual(unsupportedInVirtualService(object), [])
  assert.deepEqual(checkObject(virtualServiceKind.schema, object).unknownFields, [])
})

test('a rewrite by an empty text is named when it is applied, with its cure', () => {
  const object = read(`{ routes: [{ ${TO_ECHO}, options: { prefixRewrite: "", hostRewrite: "" } }] }`)
  assert.deepEqual(virtualServiceKind.warnings?.(object), [
    `${ROUTE}.options.prefixRewrite: Cannot act on "prefixRewrite": an empty text rewrites nothing. Write / to cut the prefix off`,
    `${ROUTE}.options.hostRewrite: Cannot act on "hostRewrite": an empty text rewrites nothing`,
  ])
})

describe('CORS that cannot act is named when it is applied:', () => {
  const CORS = '{ allowOrigin: ["https://app.example"], allowMethods: [GET, PUT] }'
  const warnings = (routes: string, cors = CORS): readonly string[] =>
    virtualServiceKind.warnings?.(read(`{ options: { cors: ${cors} }, routes: [${routes}] }`)) ?? []
  const items = (methods: string, options = '{}') =>
    `{ ${TO_ECHO}, matchers: [{ prefix: /items, methods: ${methods} }], options: ${options} }`
  const why =
    'Cannot act on "cors": browsers ask by OPTIONS first, and no route with cors takes that here. Add OPTIONS to its methods'

  test('a matcher whose preflights no route with cors takes', () => {
    const at = `${ROUTE}.matchers[0].methods: `
    assert.deepEqual(warnings(items('[GET, PUT]')), [at + why])
    assert.deepEqual(warnings(`${items('[GET, PUT]')}, { ${TO_ECHO}, matchers: [{ prefix: /other }] }`), [at + why])
    const without = items('[OPTIONS]', '{ cors: { disableForRoute: true } }')
    assert.deepEqual(warnings(`${items('[GET, PUT]')}, ${without}`), [at + why])
    const own = items('[GET, PUT]', `{ cors: ${CORS} }`)
    assert.deepEqual(virtualServiceKind.warnings?.(read(`{ routes: [${own}] }`)), [at + why])
  })

  test('not where some route takes them, or none are sent', () => {
    assert.deepEqual(warnings(items('[GET, PUT, OPTIONS]')), [])
    assert.deepEqual(warnings(items('[]')), [])
    assert.deepEqual(warnings(`${items('[GET, PUT]')}, { ${TO_ECHO}, matchers: [{ prefix: / }] }`), [])
    assert.deepEqual(warnings(items('[GET, POST]')), [])
  })

  test('exposed headers as a wildcard beside credentials', () => {
    const all = '{ allowOrigin: ["https://app.example"], exposeHeaders: ["*"], allowCredentials: true }'
    assert.deepEqual(warnings(items('[]'), all), [
      `${HOST}.options.cors.exposeHeaders: Cannot act on "exposeHeaders: *": beside allowCredentials it is no wildcard for browsers, ` +
        'and is left out. Name the headers',
    ])
  })
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
