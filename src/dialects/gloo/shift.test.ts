import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Upstream } from './kinds/upstream.ts'
import type { Destination, Route, VirtualService } from './kinds/virtual-service.ts'
import type { Service } from '../../kinds/service.ts'
import type { RouteForm, Shift } from '../../release/model.ts'
import { glooShift } from './shift.ts'
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import type { ShiftContext } from '../traffic-shift.ts'

const RELEASE = 'echo/echo-v3'
const HEADER: Shift['matches'] = [{ headers: [{ name: 'stage', type: 'Exact', value: 'canary' }], queryParams: [] }]
const BACK = shift(0)

function shift(canaryWeight: number, matches: Shift['matches'] = []): RouteForm {
  return { kind: 'shift', shift: { canaryWeight, matches } }
}

function upstream(selectors: readonly (readonly string[])[] = [['version']]): Upstream {
  return {
    apiVersion: 'gloo.solo.io/v1',
    kind: 'Upstream',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: {
      kube: {
        serviceName: 'echo',
        serviceNamespace: 'echo',
        selector: { app: 'echo' },
        ...(selectors.length === 0 ? {} : { subsetSpec: { selectors: selectors.map((keys) => ({ keys })) } }),
      },
    },
  }
}

interface Changes extends Partial<ShiftContext> {
  readonly upstreams?: readonly Upstream[]
  readonly services?: readonly Service[]
}

const ECHO_SERVICE: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'echo', name: 'echo' },
  spec: { selector: { app: 'echo' } },
}

function contextOf({ upstreams = [upstream()], services = [ECHO_SERVICE], ...changes }: Changes = {}): ShiftContext {
  return {
    namespace: 'echo',
    stableLabels: { app: 'echo', version: 'v2' },
    canaryLabels: { app: 'echo', version: 'v3' },
    stableName: 'Deployment echo/echo-v2',
    canaryName: 'Deployment echo/echo-v3',
    objects: {
      list: <T extends KubeObject>({ kind }: ResourceType<T>): readonly T[] =>
        (kind === 'Upstream' ? upstreams : services) as unknown as readonly T[],
    },
    ...changes,
  }
}

function destination(version: string | undefined, name = 'echo'): Destination {
  return {
    upstream: { name, namespace: 'gloo-system' },
    ...(version === undefined ? {} : { subset: { values: { version } } }),
  }
}

function single(version: string | undefined, name?: string): Route {
  return { matchers: [{ prefix: '/' }], routeAction: { single: destination(version, name) } }
}

function multi(...weights: readonly (readonly [version: string, weight: number])[]): Route {
  const destinations = weights.map(([version, weight]) => ({ destination: destination(version), weight }))
  return { matchers: [{ prefix: '/' }], routeAction: { multi: { destinations } } }
}

function virtualService(...routes: readonly Route[]): VirtualService {
  return {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'echo', namespace: 'gloo-system', annotations: { mine: 'yes' } },
    spec: { virtualHost: { domains: ['*'], routes } },
  }
}

function shape(object: VirtualService, form: RouteForm, context = contextOf()): VirtualService {
  return glooShift.shape(object, RELEASE, context, form)
}

function routesOf(object: VirtualService): readonly Route[] {
  return object.spec?.virtualHost?.routes ?? []
}

/** `v2=90 v3=10` of each route, with its matchers' headers. */
function summary(object: VirtualService): readonly string[] {
  return routesOf(object).map(({ matchers = [], routeAction }) => {
    const list = routeAction?.multi?.destinations ?? [{ destination: routeAction?.single ?? {}, weight: 100 }]
    const headers = matchers.flatMap((matcher) => (matcher.headers ?? []).map(({ name, value }) => `${name}:${value} `))
    return (
      headers.join('') + list.map((one) => `${one.destination?.subset?.values?.['version']}=${one.weight}`).join(' ')
    )
  })
}

function observe(
  object: VirtualService,
  context = contextOf(),
  hasStarted = false,
): ReturnType<typeof glooShift.observe> {
  return glooShift.observe(object, RELEASE, context, { hasStarted })
}

test('a single destination becomes two with whole percents, and one again', () => {
  const before = virtualService(single('v2'))
  assert.deepEqual(summary(shape(before, shift(10))), ['v2=90 v3=10'])
  assert.deepEqual(summary(shape(before, shift(100))), ['v2=0 v3=100'])
  assert.deepEqual(glooShift.release(shape(shape(before, shift(10)), BACK)), before)
  assert.deepEqual(routesOf(shape(before, { kind: 'promoted' })), [single('v3')])
})

test('matched requests get a route of their own right before, with the same path and options', () => {
  const route: Route = { ...single('v2'), options: { timeout: '3s' } }
  const shaped = shape(virtualService(route), shift(0, HEADER))
  assert.deepEqual(routesOf(shaped), [
    {
      name: 'sluice-release-1',
      matchers: [{ prefix: '/', headers: [{ name: 'stage', value: 'canary' }] }],
      routeAction: { single: destination('v3') },
      options: { timeout: '3s' },
    },
    route,
  ])
})

test('regular expressions, presence and query parameters are said in the words of Gloo', () => {
  const matches: Shift['matches'] = [
    {
      headers: [{ name: 'user', type: 'RegularExpression', value: 'qa-.*' }],
      queryParams: [{ name: 'beta', type: 'Present', value: '' }],
    },
  ]
  const [inserted] = routesOf(shape(virtualService(single('v2')), shift(0, matches)))
  assert.deepEqual(inserted?.matchers, [
    { prefix: '/', headers: [{ name: 'user', value: 'qa-.*', regex: true }], queryParameters: [{ name: 'beta' }] },
  ])
})

test('the weights that the story leaves (v1 0, v2 100) are taken over, and the route ends as one destination', () => {
  const before = virtualService(multi(['v1', 0], ['v2', 100]))
  assert.deepEqual(summary(shape(before, shift(10))), ['v1=0 v2=90 v3=10'])
  assert.deepEqual(summary(shape(before, { kind: 'promoted' })), ['v3=100'])
  assert.deepEqual(glooShift.release(shape(shape(before, { kind: 'promoted' }), BACK)), before)
})

test('a canary that is already listed with weight 0 is used where it stands', () => {
  const before = virtualService(multi(['v2', 100], ['v3', 0]))
  assert.deepEqual(summary(shape(before, shift(50))), ['v2=50 v3=50'])
  assert.deepEqual(glooShift.release(shape(shape(before, shift(50)), BACK)), before)
})

test('small weights are scaled up so that the percentage is exact and the shares of others stay', () => {
  assert.deepEqual(summary(shape(virtualService(multi(['v1', 1], ['v2', 1])), shift(33))), ['v1=100 v2=67 v3=33'])
})

test('every route that carries the stable version is shifted; header routes to the canary and other services stay', () => {
  const header: Route = {
    matchers: [{ prefix: '/', headers: [{ name: 'stage', value: 'canary' }] }],
    routeAction: { single: destination('v3') },
  }
  const other = single('v2', 'other')
  const before = virtualService(header, { ...single('v2'), matchers: [{ prefix: '/api' }] }, other, single('v2'))
  const shaped = shape(before, shift(20))
  assert.deepEqual(summary(shaped), ['stage:canary v3=100', 'v2=80 v3=20', 'v2=100', 'v2=80 v3=20'])
  assert.deepEqual(routesOf(shaped)[0], header)
  assert.deepEqual(routesOf(shaped)[2], other)
})

test('an object that another release holds is left alone', () => {
  const held = glooShift.shape(virtualService(single('v2')), 'echo/other', contextOf(), shift(5))
  assert.deepEqual(observe(held), { kind: 'held', by: 'echo/other' })
})

test('what is observed is what was written, until somebody edits it', () => {
  const before = virtualService(single('v2'))
  assert.deepEqual(observe(before), { kind: 'fit', isClaimed: false, form: null, shareMin: 0, shareMax: 0 })
  const shaped = shape(before, shift(30, HEADER))
  assert.deepEqual(observe(shaped), {
    kind: 'fit',
    isClaimed: true,
    form: shift(30, HEADER),
    shareMin: 30,
    shareMax: 30,
  })
  const edited = { ...shaped, spec: { virtualHost: { domains: ['*'], routes: [multi(['v2', 5], ['v3', 95])] } } }
  assert.deepEqual(observe(edited), { kind: 'fit', isClaimed: true, form: null, shareMin: 95, shareMax: 95 })
  assert.deepEqual(routesOf(shape(edited, shift(30, HEADER))), routesOf(shaped))
})

test('it can be taken back when the Deployments and the Upstream are gone', () => {
  const before = virtualService(single('v2'))
  const gone = contextOf({ stableLabels: {}, canaryLabels: {}, upstreams: [], services: [] })
  const back = shape(shape(before, shift(40, HEADER)), BACK, gone)
  assert.deepEqual(glooShift.release(back), before)
  assert.equal(observe(back, gone, true).kind, 'fit')
})

test('edits by others survive: new routes, options, matchers, the share of a third version', () => {
  const shaped = shape(virtualService(single('v2')), shift(10, HEADER))
  const [inserted, owned] = routesOf(shaped)
  assert.ok(inserted && owned)
  const redirect: Route = { matchers: [{ exact: '/old' }], redirectAction: { pathRedirect: '/new' } }
  const edited = {
    ...shaped,
    spec: { virtualHost: { domains: ['*'], routes: [redirect, inserted, { ...owned, options: { timeout: '9s' } }] } },
  }
  const back = glooShift.release(shape(edited, BACK))
  assert.deepEqual(routesOf(back), [redirect, { ...single('v2'), options: { timeout: '9s' } }])

  const rematched = {
    ...shaped,
    spec: { virtualHost: { domains: ['*'], routes: [{ ...owned, matchers: [{ prefix: '/v' }] }] } },
  }
  assert.deepEqual(routesOf(shape(rematched, BACK)), [{ ...single('v2'), matchers: [{ prefix: '/v' }] }])

  const third = {
    ...shaped,
    spec: { virtualHost: { domains: ['*'], routes: [multi(['v1', 7], ['v2', 90], ['v3', 10])] } },
  }
  assert.deepEqual(summary(shape(third, shift(50))), ['v1=7 v2=50 v3=50'])
  assert.deepEqual(summary(shape(shape(third, shift(50)), BACK)), ['v1=7 v2=100'])
})

test('a manifest that is applied again in the middle is shifted again, and still restored', () => {
  const before = virtualService(single('v2'))
  const shaped = shape(before, shift(25, HEADER))
  const applied = { ...before, metadata: shaped.metadata }
  assert.deepEqual(shape(applied, shift(25, HEADER)), shaped)
  assert.deepEqual(glooShift.release(shape(applied, BACK)), before)
})

test('garbled or removed notes do not stop the way back', () => {
  const shaped = shape(virtualService(single('v2')), shift(25))
  for (const annotations of [{}, { ...shaped.metadata.annotations, 'sluice.dev/release-original': '{' }]) {
    const damaged = { ...shaped, metadata: { ...shaped.metadata, annotations } }
    const seen = observe(damaged, contextOf(), true)
    assert.equal(seen.kind === 'fit' && seen.shareMax, 25)
    assert.deepEqual(routesOf(shape(damaged, BACK)), [single('v2')])
  }
})

function codeOf(object: VirtualService, context: ShiftContext): string | undefined {
  const seen = observe(object, context)
  return seen.kind === 'unfit' ? `${seen.diagnostics[0]?.code}: ${seen.diagnostics[0]?.message}` : undefined
}

test('what cannot be expressed is said before anything is touched, with the cure', () => {
  const plain = virtualService(single('v2'))
  const bare = { upstreams: [upstream([])] }
  const cases: readonly (readonly [RegExp, VirtualService, Changes])[] = [
    [/^no-subset-selector: .*Upstream gloo-system\/echo has no subsetSpec; add a selector/, plain, bare],
    [/^same-subset: .*same values of version/, plain, { canaryLabels: { app: 'echo', version: 'v2' } }],
    [/^no-subset-label: .*lack the labels version/, plain, { canaryLabels: { app: 'echo' } }],
    [/^stable-not-found: .*none sends traffic to its subset/, virtualService(single('v1')), {}],
    [
      /^stable-not-found: .*no Upstream that the routes name/,
      virtualService(single('v2', 'nothing')),
      { upstreams: [] },
    ],
    [/^route-without-subset: .*pods of every version get its traffic/, virtualService(single(undefined)), {}],
    [/^canary-has-weight: .*already gets 40 %/, virtualService(multi(['v2', 60], ['v3', 40])), {}],
  ]
  for (const [expected, object, context] of cases) assert.match(codeOf(object, contextOf(context)) ?? '', expected)
})

test('a new release cannot start on a weight of the canary, one in progress takes it for its own', () => {
  const half = virtualService(multi(['v2', 50], ['v3', 50]))
  assert.equal(observe(half).kind, 'unfit')
  assert.equal(observe(half, contextOf(), true).kind, 'fit')
})

// ---- properties

const forms: fc.Arbitrary<RouteForm> = fc.oneof(
  fc
    .record({ kind: fc.constant('shift' as const), weight: fc.integer({ min: 0, max: 100 }), isMatched: fc.boolean() })
    .map(({ weight, isMatched }) => shift(weight, isMatched ? HEADER : [])),
  fc.constant<RouteForm>({ kind: 'promoted' }),
)

const routes: fc.Arbitrary<Route> = fc.oneof(
  fc.constantFrom('v1', 'v2', undefined).map((version) => single(version)),
  fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 200 })).map(([old, stable]) => multi(['v1', old], ['v2', stable])),
  fc.integer({ min: 1, max: 999 }).map((weight) => multi(['v2', weight], ['v3', 0])),
  fc.constant<Route>({ matchers: [{ exact: '/x' }], directResponseAction: { status: 200, body: 'x' } }),
)

const objects = fc
  .array(routes, { maxLength: 5 })
  .map((list) => virtualService(...list.map((route, index) => ({ ...route, name: `r${index}` })), single('v2')))

test('only the last form counts, twice is once, and the way back is exact', () => {
  fc.assert(
    fc.property(objects, forms, forms, (object, a, b) => {
      const [once, viaA] = [shape(object, b), shape(shape(object, a), b)]
      assert.deepEqual(viaA, once)
      assert.deepEqual(shape(once, b), once)
      const seen = observe(once)
      assert.deepEqual(seen.kind === 'fit' && seen.form, b)
      assert.deepEqual(glooShift.release(shape(once, BACK)), object)
    }),
  )
})

test('weights are whole, the share is exact, and what is not owned never changes', () => {
  fc.assert(
    fc.property(objects, fc.integer({ min: 1, max: 100 }), (object, weight) => {
      const shaped = shape(object, shift(weight))
      const seen = observe(shaped)
      assert.deepEqual(seen.kind === 'fit' && [seen.shareMin, seen.shareMax], [weight, weight])
      for (const [index, route] of routesOf(shaped).entries()) {
        for (const one of route.routeAction?.multi?.destinations ?? []) assert.ok(Number.isInteger(one.weight))
        const isOwned = JSON.stringify(routesOf(object)[index]).includes('"v2"')
        if (!isOwned) assert.deepEqual(route, routesOf(object)[index])
      }
    }),
  )
})
