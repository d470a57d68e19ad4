import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { CompiledWorld, compileObjects } from '../../../test/support/compile.ts'
import type { CompiledObjects } from '../../../test/support/compile.ts'
import { assertGolden, goldenCases, readGoldenInput, readYaml } from '../../../test/support/golden.ts'
import { hasErrors } from '../../base/diagnostic.ts'
import { seededRandom } from '../../base/random.ts'
import type { EndpointSlice } from '../../kinds/endpoint-slice.ts'
import type { Upstream } from './kinds/upstream.ts'
import type { VirtualService } from './kinds/virtual-service.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { Service } from '../../kinds/service.ts'
import type { KubeObject } from '../../kube/object.ts'
import { checkSnapshot } from '../../routing/check.ts'
import type { ObjectReport } from '../../routing/part.ts'
import { byText, referenceText } from '../../routing/object-reference.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

/**
 * A golden input is a list of objects, with three documents of ours: `Files` (objects from other files), `Ready` (pods
 * of a Service with their EndpointSlice) and `Then` (what follows is applied later, on top of what was accepted).
 */
interface Files {
  readonly kind: 'Files'
  readonly folder: string
  readonly files: readonly string[]
}
interface Ready {
  readonly kind: 'Ready'
  readonly service: string
  readonly port: number
  readonly pods: readonly {
    readonly name: string
    readonly ip: string
    readonly ready?: boolean
    readonly labels: Labels
  }[]
}
interface Then {
  readonly kind: 'Then'
  readonly delete?: readonly string[]
}
type Document = Files | Ready | Then | KubeObject
type Labels = Readonly<Record<string, string>>

for (const name of goldenCases('gloo')) {
  test(`golden: ${name}`, () => {
    const output = play(readGoldenInput('gloo', name) as readonly Document[])
    assertServable(output)
    const { routeTables, clusters } = output
    const reports = output.reports.map((report) => withoutText(report))
    const sources = output.sources.toSorted((a, b) => byText(referenceText(a), referenceText(b)))
    assertGolden('gloo', name, { reports, virtualHosts: routeTables[0]?.virtualHosts, clusters, sources })
  })
}

test('the output depends on nothing but the objects: not on their order, not on when', () => {
  fc.assert(
    fc.property(world, fc.integer(), (objects, seed) => {
      assert.deepEqual(sorted(compileObjects(shuffled(objects, seed))), sorted(compileObjects(objects)))
    }),
  )
})

test('whatever the objects are, the output can be served', () => {
  fc.assert(fc.property(world, (objects) => assertServable(compileObjects(objects))))
})

test('whatever the options are, the output can be served', () => {
  fc.assert(
    fc.property(options, hostOptions, (ofRoute, ofHost) => {
      assertServable(compileObjects(withOptions(ofRoute, ofHost)))
    }),
    { numRuns: 500 },
  )
})

test('every object that is not served as it stands has an error that says why', () => {
  fc.assert(
    fc.property(world, (objects) => {
      for (const { served, generation, diagnostics, object } of compileObjects(objects).reports) {
        assert.equal(
          served !== generation && object.kind === 'VirtualService',
          hasErrors(diagnostics) && object.kind === 'VirtualService',
        )
      }
    }),
  )
})

test('what was accepted keeps being served through any later change of its object and its Upstreams', () => {
  fc.assert(
    fc.property(world, fc.array(fc.oneof(upstream, virtualService), { maxLength: 6 }), (before, edits) => {
      const compiled = new CompiledWorld()
      compiled.become(before).compile()
      const accepted = new Set([...compiled.accepted].map((each) => referenceText(each.object)))
      const after = apply(
        before,
        // A spec of an object that differs has a generation of its own: the API sees to that.
        edits.map((object, index) => ({ ...object, metadata: { ...object.metadata, generation: 100 + index } })),
      )
      const second = compiled.become(after).compile()
      for (const { served, object, diagnostics } of second.reports) {
        if (!accepted.has(referenceText(object))) continue
        if (diagnostics.some(({ code }) => code === 'conflicted')) continue // the older object has the domain
        assert.notEqual(served, undefined, `${object.name}: ${JSON.stringify(diagnostics)}`)
      }
    }),
  )
})

test('after any changes everything is as if it had been compiled at once', () => {
  const worlds = fc.array(world, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(worlds, (steps) => {
      const compiled = new CompiledWorld()
      let objects: readonly KubeObject[] = []
      for (const [number, step] of steps.entries()) {
        const left = objects.filter((_, place) => place % 3 !== 0)
        objects = apply(
          left,
          step.map((object) => asStored(left, object, number)),
        )
        const before = [...compiled.accepted]
        const now = compiled.become(objects).compile()
        assert.deepEqual(sorted(now), sorted(compileObjects(objects, { accepted: before })))
        // What was accepted just now may decide about a rejected Upstream: from the second look on nothing changes.
        const settled = compiled.compile()
        const again = compiled.compile()
        assert.ok(again.clusters.every((cluster, index) => cluster === settled.clusters[index]))
        assert.equal(again.routeTables[0], settled.routeTables[0])
      }
    }),
  )
})

/** An object that is made anew has a uid of its own, one that differs a generation: the API sees to that. */
function asStored(objects: readonly KubeObject[], object: KubeObject, step: number): KubeObject {
  const old = objects.find((each) => identityOf(each) === identityOf(object))
  const { uid = '' } = object.metadata
  if (old === undefined) return { ...object, metadata: { ...object.metadata, uid: `${uid}-${step}` } }
  const isSame = !('spec' in old) || !('spec' in object) || isDeepStrictEqual(old.spec, object.spec)
  const generation = (old.metadata.generation ?? 1) + (isSame ? 0 : 1)
  return { ...object, metadata: { ...object.metadata, uid: old.metadata.uid ?? uid, generation } }
}

/** What order there is comes from the objects; where there is none to keep, it does not matter. */
function sorted({ sources, ...compiled }: CompiledObjects): unknown {
  return { ...compiled, generation: 0, sources: sources.toSorted((a, b) => byText(referenceText(a), referenceText(b))) }
}

/** The text says again what the object says. */
function withoutText(report: ObjectReport): Omit<ObjectReport, 'text'> {
  const { text: _, ...rest } = report
  return rest
}

function play(documents: readonly Document[]): CompiledObjects {
  const compiled = new CompiledWorld()
  let objects: readonly KubeObject[] = []
  let output = compiled.compile()
  const end: Then = { kind: 'Then' }
  for (const step of [...documents, end]) {
    if (!isThen(step)) {
      objects = apply(objects, expand(step))
      continue
    }
    output = compiled.become(objects).compile()
    const gone = step.delete ?? []
    objects = objects.filter((object) => !gone.includes(identityOf(object)))
  }
  return output
}

function expand(document: Exclude<Document, Then>): readonly KubeObject[] {
  if (isFiles(document)) {
    const { folder, files } = document
    return files.flatMap((file) => readYaml(join(ROOT, folder, file)) as readonly KubeObject[])
  }
  return isReady(document) ? podsOf(document) : [document]
}

function isThen(document: Document): document is Then {
  return document.kind === 'Then'
}

function isFiles(document: Exclude<Document, Then>): document is Files {
  return document.kind === 'Files'
}

function isReady(document: Exclude<Document, Then>): document is Ready {
  return document.kind === 'Ready'
}

function podsOf({ service, port, pods }: Ready): readonly KubeObject[] {
  const [namespace = '', name = ''] = service.split('/')
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', port, protocol: 'TCP' }],
    endpoints: pods.map((pod) => ({
      addresses: [pod.ip],
      conditions: { ready: pod.ready ?? true },
      targetRef: { kind: 'Pod', namespace, name: pod.name },
    })),
  }
  return [slice, ...pods.map((pod) => podOf(namespace, pod.name, pod.labels))]
}

/** `echo-v1-66dbfffb79-a`: a pod of ReplicaSet echo-v1-66dbfffb79 of Deployment echo-v1. */
function podOf(namespace: string, name: string, labels: Labels): Pod {
  const replicaSet = name.slice(0, name.lastIndexOf('-'))
  const hash = replicaSet.slice(replicaSet.lastIndexOf('-') + 1)
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: replicaSet, uid: replicaSet, controller: true }
  const metadata = { namespace, name, labels: { ...labels, 'pod-template-hash': hash }, ownerReferences: [owner] }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } }
}

/** An applied object keeps what the server gave it: uid and age. A new spec is a new generation. */
function apply(objects: readonly KubeObject[], applied: readonly KubeObject[]): readonly KubeObject[] {
  const byIdentity = new Map(objects.map((object) => [identityOf(object), object]))
  for (const object of applied) {
    const old = byIdentity.get(identityOf(object))
    const generation = object.metadata.generation ?? (old?.metadata.generation ?? 0) + 1
    const created = old?.metadata.creationTimestamp
    const age = created === undefined ? {} : { creationTimestamp: created }
    const metadata = { uid: `uid-of-${identityOf(object)}`, ...object.metadata, ...age, generation }
    byIdentity.set(identityOf(object), { ...object, metadata })
  }
  return [...byIdentity.values()]
}

function identityOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name ?? ''}`
}

function assertServable(compiled: CompiledObjects): void {
  const errors = checkSnapshot(compiled).filter(({ severity }) => severity === 'error')
  assert.deepEqual(errors, [])
}

function withOptions(ofRoute: object, ofHost: object): readonly KubeObject[] {
  const good: Upstream = {
    apiVersion: 'gloo.solo.io/v1',
    kind: 'Upstream',
    metadata: { namespace: 'n', name: 'a', uid: 'us', generation: 1 },
    spec: { static: { hosts: [{ addr: '127.0.0.1', port: 80 }] } },
  }
  const object: VirtualService = {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { namespace: 'n', name: 'a', uid: 'vs', generation: 1 },
    spec: {
      virtualHost: {
        options: ofHost,
        routes: [{ routeAction: { single: { upstream: { name: 'a' } } }, options: ofRoute }],
      },
    },
  }
  return [good, object]
}

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = seededRandom(seed)
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** Small alphabets, so that names meet, domains collide and subsets are empty. */
const names = fc.constantFrom('a', 'b', 'c')
const version = fc.constantFrom('v1', 'v2', 'v3')
const keys = fc.constantFrom<readonly string[]>(['version'], ['version', 'stage'], ['stage'])

const upstream = fc
  .record({
    name: names,
    service: names,
    port: fc.constantFrom(80, 81, 8080, 0),
    policy: fc.constantFrom('ANY_ENDPOINT', 'DEFAULT_SUBSET', 'NO_FALLBACK', 'NONE_SUCH'),
    selectors: fc.array(keys, { maxLength: 2 }),
    generation: fc.constantFrom(1, 2, 3),
  })
  .map(({ name, service, port, policy, selectors, generation }): Upstream => {
    const subsetSpec = {
      selectors: selectors.map((each) => ({ keys: each })),
      fallbackPolicy: policy,
      defaultSubset: { values: { version: 'v1' } },
    }
    return {
      apiVersion: 'gloo.solo.io/v1',
      kind: 'Upstream',
      metadata: { namespace: 'n', name, uid: `us-${name}`, generation },
      spec: { kube: { serviceName: service, serviceNamespace: 'n', servicePort: port, subsetSpec } },
    }
  })

const destination = fc.record({
  upstream: fc.record({ name: names }),
  subset: fc.option(fc.record({ values: fc.record({ version }) }), { nil: undefined }),
})
const single = destination.map((one) => ({ single: one }))
const multi = fc
  .array(fc.record({ destination, weight: fc.constantFrom(0, 1, 9, 50, 100, -1) }), { maxLength: 4 })
  .map((destinations) => ({ multi: { destinations } }))
const matcher = fc.oneof(
  fc.record({ prefix: fc.constantFrom('/', '/x', 'y') }),
  fc.record({ exact: fc.constantFrom('/x', '/z'), methods: fc.constant(['GET']) }),
  fc.record({ regex: fc.constantFrom('/x.*', '(', '/[a-z]+') }),
)
const route = fc.record({
  matchers: fc.array(matcher, { maxLength: 3 }),
  routeAction: fc.oneof({ weight: 3, arbitrary: single }, multi),
})

const virtualService = fc
  .record({
    name: names,
    domains: fc.uniqueArray(fc.constantFrom('*', 'x.test', '*.x.test', 'X.test:80'), { maxLength: 2 }),
    routes: fc.array(route, { maxLength: 3 }),
    created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
  })
  .map(({ name, domains, routes, created }): VirtualService => ({
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { namespace: 'n', name, uid: `vs-${name}`, generation: 1, creationTimestamp: created },
    spec: { virtualHost: { domains, routes } } as NonNullable<VirtualService['spec']>,
  }))

const service = fc
  .record({ name: names, ports: fc.uniqueArray(fc.constantFrom(80, 81), { minLength: 1 }) })
  .map(({ name, ports }): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'n', name },
    spec: { ports: ports.map((port) => ({ name: port === 80 ? '' : `p${port}`, port })) },
  }))

const ready = fc.record({ name: names, versions: fc.array(version, { maxLength: 4 }) }).map(({ name, versions }) =>
  podsOf({
    kind: 'Ready',
    service: `n/${name}`,
    port: 8080,
    pods: versions.map((each, index) => ({
      name: `${name}-${each}-abc-${index}`,
      ip: `127.16.0.${index + 1}`,
      labels: { app: name, version: each },
    })),
  }),
)

const world = fc
  .tuple(
    fc.array(upstream, { maxLength: 4 }),
    fc.array(virtualService, { maxLength: 4 }),
    fc.array(service, { maxLength: 3 }),
    fc.array(ready, { maxLength: 3 }),
  )
  .map(([a, b, c, d]) => apply([], [...a, ...b, ...c, ...d.flat()]))

/** Bad values among good ones: none may make a snapshot that is refused as a whole. */
function mostly<T>(good: readonly T[], bad: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 25, arbitrary: fc.constantFrom(...good) }, fc.constantFrom(...bad))
}
const text = mostly(
  ['a', 'B-c', 'd'],
  ['', '/', ':path', 'host', 'Content-Length', 'a b', 'a\nb', 'é', '💥', '5%', '%PROTOCOL%', '\\9', '('],
)
const percentage = mostly([0, 0.5, 1, 50, 100], [-1, 101, Number.NaN])
const status = mostly([404, 503], [0, 0.5, 99, 600, 1e9, Number.NaN])
const count = mostly([0, 1, 2, 100], [-1, 0.5, 101, Number.NaN])
const time = mostly(['0.3ms', '1s', '2s'], ['0s', '1e9s', '99999h', 'soon', ''])
const header = fc.record({ header: fc.record({ key: text, value: text }), append: fc.boolean() })
const sharedOptions = {
  headerManipulation: fc.record(
    {
      requestHeadersToAdd: fc.array(header, { maxLength: 2 }),
      responseHeadersToAdd: fc.array(header, { maxLength: 2 }),
      requestHeadersToRemove: fc.array(text, { maxLength: 1 }),
    },
    { requiredKeys: [] },
  ),
  retries: fc.record(
    {
      retryOn: fc.constantFrom('5xx', 'reset,retriable-status-codes', 'x', ''),
      numRetries: count,
      perTryTimeout: time,
      retryBackOff: fc.record({ baseInterval: time, maxInterval: time }, { requiredKeys: [] }),
      retriableStatusCodes: fc.array(status, { maxLength: 1 }),
    },
    { requiredKeys: [] },
  ),
  cors: fc.record(
    {
      allowOrigin: fc.array(text, { minLength: 1, maxLength: 2 }),
      allowOriginRegex: fc.array(text, { maxLength: 1 }),
      allowMethods: fc.array(text, { maxLength: 2 }),
      maxAge: time,
    },
    { requiredKeys: ['allowOrigin'] },
  ),
}
const options = fc.record(
  {
    ...sharedOptions,
    prefixRewrite: text,
    regexRewrite: fc.record({ pattern: fc.record({ regex: text }), substitution: text }),
    hostRewrite: text,
    timeout: time,
    idleTimeout: time,
    faults: fc.record(
      {
        abort: fc.record({ percentage, httpStatus: status }),
        delay: fc.record({ percentage, fixedDelay: time }),
      },
      { requiredKeys: [] },
    ),
    shadowing: fc.record({ upstream: fc.record({ name: names }), percentage }),
    lbHash: fc.record({
      hashPolicies: fc.array(
        fc.oneof(
          fc.record({ header: text }),
          fc.record({ cookie: fc.record({ name: text, ttl: time, path: text }, { requiredKeys: [] }) }),
        ),
        { maxLength: 2 },
      ),
    }),
  },
  { requiredKeys: [] },
)
const hostOptions = fc.record(sharedOptions, { requiredKeys: [] })
