/** Several routing languages side by side: each is a folder that nothing else knows, and none costs another anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startRoutingWith } from './support/routing-lab.ts'
import { CompiledWorld } from './support/compile.ts'
import { glooObjects, hostsAt } from './support/gloo.ts'
import { fetchFrom, saying, startBackend, startProxy } from './support/live-proxy.ts'
import { BROKEN_HOST, signpostKind, signposts, toy, toyShift } from './support/toy-language.ts'
import type { Signpost } from './support/toy-language.ts'
import { currentCondition } from './support/world.ts'
import { gloo } from '../src/dialects/gloo/gloo.ts'
import { Compilation } from '../src/dialects/compilation.ts'
import type { RoutingDialect } from '../src/dialects/routing-dialect.ts'
import { releaseKindFor } from '../src/kinds/release.ts'
import { keyOf, objectKey } from '../src/kube/object.ts'
import type { KubeObject } from '../src/kube/object.ts'
import { GATEWAY } from './support/compile.ts'

function signpost(name: string, spec: Signpost['spec'], metadata: KubeObject['metadata'] = {}): Signpost {
  return {
    apiVersion: 'toy.test/v1',
    kind: 'Signpost',
    metadata: {
      namespace: 'toy',
      name,
      uid: name,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec,
  }
}

async function answerOf(t: TestContext, world: CompiledWorld, host: string): Promise<string> {
  const { port } = await startProxy(t, world.compile())
  return (await fetchFrom(port, { headers: { host } })).body
}

test('two languages serve side by side; of one host the older object has it, and its end hands the host over', async (t) => {
  const [ofToy, ofGloo] = await Promise.all([startBackend(t, saying('toy')), startBackend(t, saying('gloo'))])
  const world = new CompiledWorld({ dialects: [gloo, toy] })
  const virtualHost = 'domains: [shop.test]\nroutes: [{ routeAction: { single: { upstream: { name: echo } } } }]'
  const young = glooObjects({ virtualHost, upstreams: { echo: hostsAt(ofGloo.port) } }).map((object) => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: '2026-01-02T00:00:00Z' },
  }))
  const old = signpost('shop', { host: 'shop.test', port: ofToy.port })
  world.become([...young, old])
  const { reports } = world.compile()
  assert.equal(await answerOf(t, world, 'shop.test'), 'toy')
  const loser = reports.find(({ object }) => object.kind === 'VirtualService')
  assert.deepEqual(
    loser?.diagnostics.map(({ code, message }) => [code, message]),
    [['conflicted', 'Cannot serve domain "shop.test": signpost.toy.test/toy/shop is older and has it']],
  )
  world.become(young)
  assert.equal(await answerOf(t, world, 'shop.test'), 'gloo')
  const [won] = world.compile().reports.filter(({ object }) => object.kind === 'VirtualService')
  assert.deepEqual(won?.diagnostics, [])
})

test('an object on which the compiler fails keeps its last form, says so, and costs nobody anything', async (t) => {
  const [a, b] = await Promise.all([startBackend(t, saying('a')), startBackend(t, saying('b'))])
  const world = new CompiledWorld({ dialects: [toy] })
  const neighbour = signpost('b', { host: 'b.test', port: b.port })
  world.become([signpost('a', { host: 'a.test', port: a.port }), neighbour]).compile()
  world.become([signpost('a', { host: BROKEN_HOST, port: 1 }, { generation: 2 }), neighbour])
  const [broken, other] = world.compile().reports
  assert.deepEqual([broken?.diagnostics[0]?.code, broken?.served, broken?.generation], ['compile-failed', 1, 2])
  assert.match(broken?.diagnostics[0]?.message ?? '', /the compiler stumbles; generation 1 is served on/)
  assert.deepEqual(other?.diagnostics, [])
  assert.equal(await answerOf(t, world, 'a.test'), 'a')
  assert.equal(await answerOf(t, world, 'b.test'), 'b')
})

test('a language that fails as a whole keeps its last part, and the others go on', () => {
  let isBroken = false
  const fragile: RoutingDialect = {
    ...toy,
    name: 'fragile',
    open(context) {
      const compiler = toy.open(context)
      return {
        compile() {
          if (isBroken) throw new Error('out of order')
          return compiler.compile()
        },
      }
    },
  }
  const compilation = new Compilation({ dialects: [fragile], judgeTls: () => undefined, listeners: [GATEWAY] })
  const object = signpost('a', { host: 'a.test', port: 1 })
  compilation.objects.put(signposts, keyOf(object), object)
  assert.deepEqual(compilation.compile().failures, [])
  isBroken = true
  const { failures, content } = compilation.compile()
  assert.deepEqual(
    failures.map(({ dialect }) => dialect),
    ['fragile'],
  )
  assert.deepEqual(content.routeTables[0]?.virtualHosts[0]?.domains, ['a.test'])
})

test('the kinds of a new language are served, and their objects say what became of them', async (t) => {
  const { lab, dataPlane } = await startRoutingWith(t, [gloo, toy])
  const {
    uid: _,
    generation: __,
    creationTimestamp: ___,
    ...metadata
  } = signpost('a', { host: 'a.test', port: 1 }).metadata
  await lab.client.create(signposts, { ...signpost('a', { host: 'a.test', port: 1 }), metadata })
  await dataPlane.untilPublished((snapshot) => JSON.stringify(snapshot.routeTables).includes('a.test'))
  dataPlane.acknowledge()
  const live = await lab.until(
    signposts,
    objectKey('toy', 'a'),
    (object) => currentCondition(object, 'Programmed')?.status === 'True',
  )
  assert.equal(currentCondition(live, 'Accepted')?.status, 'True')
})

test('a release may name the route objects of a new language, and its shift edits them', () => {
  const kind = releaseKindFor([toyShift.type])
  const release = (routeKind: string): Parameters<NonNullable<typeof kind.validate>>[0] => ({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'r', namespace: 'toy' },
    spec: {
      targets: [
        {
          name: 'a',
          stable: { kind: 'Deployment', name: 'v1' },
          canary: { kind: 'Deployment', name: 'v2' },
          routes: [{ apiVersion: 'toy.test/v1', kind: routeKind, name: 'a' }],
        },
      ],
      steps: [{ weight: 100 }],
    },
  })
  assert.deepEqual(kind.validate?.(release('Signpost'), undefined), [])
  assert.match(
    JSON.stringify(kind.validate?.(release('Signpst'), undefined)),
    /supported values.*toy\.test\/v1 Signpost/,
  )
  const form = { kind: 'shift', shift: { canaryWeight: 40, matches: [] } } as const
  const context = {
    namespace: 'toy',
    stableLabels: {},
    canaryLabels: {},
    stableName: '',
    canaryName: '',
    objects: { list: () => [] },
  }
  const shaped = toyShift.shape(signpost('a', { host: 'a.test', port: 1 }), 'toy/r', context, form)
  assert.equal(shaped.spec.canaryWeight, 40)
  assert.equal(signpostKind.type.kind, 'Signpost')
})
