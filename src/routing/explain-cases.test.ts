/** The table of routing cases before `explain`: what it tells of a request is what happens to the request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answering, routingCases } from '../../test/routing-cases.ts'
import type { RoutingCase } from '../../test/routing-cases.ts'
import { CASE_CLUSTERS, OUTSIDE } from '../../test/routing-cases/sketch.ts'
import { explain } from './explain.ts'
import type { ExplainedAnswer, Explanation } from './explanation.ts'
import type { Cluster } from './cluster-model.ts'
import type { RoutingSnapshot } from './model.ts'

const fallbacks: Readonly<Record<string, string>> = {
  'falls-back': 'v1',
  'falls-back-twice': 'falls-back',
  'falls-in-a-circle': 'falls-in-a-circle',
}

const clusters = CASE_CLUSTERS.map((name): Cluster => {
  const fallback = fallbacks[name]
  return {
    name,
    service: { namespace: 'cases', name, port: 80 },
    endpoints: name.startsWith('v') ? [{ address: name, port: 80 }] : [],
    connectTimeoutMs: 1_000,
    ...(fallback === undefined ? {} : { fallback }),
  }
})

/** The question's words have no place for these: a target without a path, no host. */
const askable = routingCases.filter(({ request }) => request.target !== '*' && request.host !== '')

for (const each of askable) {
  test(each.name, () => {
    const explanation = explained(each)
    assert.equal(explanation.taken?.route ?? null, each.route)
    assertReasons(explanation, each)
    const isFault = explanation.policies.some(({ kind, text }) => kind === 'fault-abort' && !text.startsWith('0'))
    if (!isFault) assertOutcome(explanation.answer, each)
  })
}

function explained({
  virtualHosts,
  unknownHost,
  request: { method, target, host, headers },
}: Pick<RoutingCase, 'virtualHosts' | 'unknownHost' | 'request'>): Explanation {
  const snapshot: RoutingSnapshot = {
    generation: 1,
    sources: [],
    listeners: [{ id: 'http', address: '127.0.0.1', port: 80, protocol: 'http', routeTable: 'table' }],
    routeTables: [{ id: 'table', virtualHosts, ...(unknownHost === undefined ? {} : { unknownHost }) }],
    clusters,
  }
  const url = target.startsWith('/') ? `http://${host}${target}` : target
  const fields = headers.map(([name, value]) => ({ name, value }))
  const answer = explain(snapshot, { method, url, headers: fields })
  if (answer.kind === 'refused') return assert.fail(answer.message)
  return answer.explanation
}

/** Each route passed over has its reason; the one taken comes last and has none. */
function assertReasons({ routes }: Explanation, { route }: RoutingCase): void {
  const passedOver = route === null ? routes : routes.slice(0, -1)
  for (const { matched, failed } of passedOver) {
    assert.equal(matched, false)
    assert.notEqual(failed?.text ?? '', '')
  }
  if (route === null) return
  assert.equal(routes.at(-1)?.route, route)
  assert.deepEqual([routes.at(-1)?.matched, routes.at(-1)?.failed], [true, undefined])
}

function assertOutcome(answer: ExplainedAnswer, { request, outcome }: RoutingCase): void {
  if (outcome.kind === 'outside' || outcome.kind === 'outside-tunnel') {
    return assert.deepEqual(answer.kind === 'passthrough' && answer.to, OUTSIDE)
  }
  if (answer.kind !== 'forward') {
    assert.equal(outcome.kind, 'answer')
    if (outcome.kind === 'answer') assertAnswer(answer, outcome)
    return
  }
  const picked = answer.destinations.find((each) => each.picked)
  if (outcome.kind === 'answer') {
    // Nobody is there, or it is an invalid destination.
    const status = picked?.kind === 'invalid' ? picked.status : 503
    assert.equal(status, outcome.status)
    assert.deepEqual(picked?.kind === 'cluster' ? picked.endpoints : [], [])
    return
  }
  const address = picked?.kind === 'cluster' ? picked.endpoints[0]?.endpoint : undefined
  assert.equal(address, `${outcome.cluster}:80`)
  if (outcome.kind === 'tunnel') return
  const { method, path, authority } = answer.request
  // An empty query is not told from none.
  if (outcome.line !== undefined) assert.equal(`${method} ${path}`, outcome.line.replace(/\?$/, ''))
  const wanted = outcome.fields?.['host']
  if (wanted !== undefined) assert.equal(authority, wanted ?? request.host)
}

function assertAnswer(
  answer: Exclude<ExplainedAnswer, { kind: 'forward' }>,
  outcome: Extract<RoutingCase['outcome'], { kind: 'answer' }>,
): void {
  assert.equal('status' in answer && answer.status, outcome.status)
  const { location } = outcome.fields ?? {}
  if (location !== undefined) assert.equal(answer.kind === 'redirect' && answer.location, location)
}

test('what the request has in place of what was asked is told by the part that was looked at', () => {
  const parts = {
    ':authority': 'a:81',
    host: 'a:81',
    ':method': 'GET',
    ':path': '/x?y',
    ':scheme': 'http',
    stage: 'café',
  }
  for (const [name, has] of Object.entries(parts)) {
    const route = answering('r', { headers: [{ name, value: { kind: 'exact', value: 'else' }, invert: false }] })
    const { routes } = explained({
      virtualHosts: [{ name: 'h', domains: ['*'], routes: [route] }],
      request: { method: 'GET', host: 'a:81', target: '/x?y', headers: [['stage', 'café']] },
    })
    assert.equal(routes[0]?.failed?.has, has)
  }
})
