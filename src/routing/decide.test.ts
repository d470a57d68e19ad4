import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answering, routingCases } from '../../test/routing-cases.ts'
import type { CaseRequest } from '../../test/routing-cases.ts'
import { NO_VIRTUAL_HOST, decide, prepareRouteTable } from './decide.ts'
import { explainRoute } from './explain.ts'
import type { RequestView } from './match.ts'
import { compileRewrite } from './rewrite.ts'
import { createSplit } from './split.ts'

function viewOf({ method, host, target, headers, seen }: CaseRequest): RequestView {
  const question = target.indexOf('?')
  const [path, query] = question === -1 ? [target, ''] : [target.slice(0, question), target.slice(question + 1)]
  // As a data plane reads them: one character per byte.
  const fields = headers.map(([name, value]) => [name.toLowerCase(), Buffer.from(value).toString('latin1')] as const)
  return {
    method,
    scheme: 'http',
    host: seen?.host ?? host,
    path: seen?.path ?? path,
    query: seen === undefined ? query : (seen.query ?? ''),
    someHeader: (wanted, passes) => fields.some(([name, value]) => name === wanted && passes(value)),
  }
}

test('the table is what it says: every case has its own name, and there are enough of them', () => {
  assert.ok(routingCases.length >= 300, `${routingCases.length}`)
  const names = routingCases.map(({ name }) => name)
  assert.deepEqual([...new Set(names)], names)
})

describe('decide takes the route of the table of cases', () => {
  for (const { name, request, route, ...table } of routingCases) {
    test(name, () => {
      const prepared = prepareRouteTable({ id: 't', ...table })
      assert.equal(prepared.routes[decide(prepared, viewOf(request))]?.route.id ?? null, route)
    })
  }
})

describe('what is decided after the route is as in the table of cases', () => {
  for (const { name, request, outcome, ...table } of routingCases) {
    test(name, () => {
      const prepared = prepareRouteTable({ id: 't', ...table })
      const decision = decide(prepared, viewOf(request))
      if (outcome.kind === 'outside' || outcome.kind === 'outside-tunnel') {
        return assert.deepEqual([decision, table.unknownHost], [NO_VIRTUAL_HOST, 'passthrough'])
      }
      const decided = prepared.routes[decision]
      if (decided === undefined) return assert.equal(outcome.kind, 'answer')
      const { action, match, policy } = decided.route
      if (action.kind === 'respond' && policy.fault === undefined) {
        assert.equal(outcome.kind === 'answer' && outcome.status, action.status)
      }
      if (action.kind !== 'forward' || outcome.kind !== 'endpoint') return
      const picked = action.destinations[createSplit(action.destinations.map(({ weight }) => weight)).next()]
      const isOwn = picked?.kind === 'cluster' && picked.cluster.startsWith('v')
      if (isOwn) assert.equal(picked.cluster, outcome.cluster)
      if (policy.rewrite?.path === undefined || outcome.line === undefined) return
      const path = compileRewrite(match.path, policy.rewrite.path)(viewOf(request).path)
      assert.equal(`${request.method} ${path}`, outcome.line.split('?')[0])
    })
  }
})

describe('explain', () => {
  for (const { name, request, route, ...table } of routingCases) {
    test(`agrees with decide: ${name}`, () => {
      const { taken } = explainRoute(prepareRouteTable({ id: 't', ...table }), viewOf(request))
      assert.equal(taken?.id ?? null, route)
    })
  }

  test('names the first condition that did not hold, for each route passed over', () => {
    const canary = answering('canary', {
      headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }],
    })
    const table = prepareRouteTable({
      id: 't',
      virtualHosts: [{ name: 'echo', domains: ['*'], routes: [canary, answering('stable')] }],
    })
    const request = viewOf({ method: 'GET', host: 'x', target: '/', headers: [] })
    const { considered } = explainRoute(table, request)
    assert.deepEqual(
      considered.map(({ route, matched, failed }) => [route, matched, failed?.condition]),
      [
        ['canary', false, 'header stage = "canary"'],
        ['stable', true, undefined],
      ],
    )
  })
})

test('a decision points at its route in the whole table', () => {
  const table = prepareRouteTable({
    id: 't',
    virtualHosts: [
      { name: 'a', domains: ['a'], routes: [answering('1'), answering('2')] },
      { name: 'b', domains: ['b'], routes: [answering('3')] },
    ],
  })
  const decision = decide(table, viewOf({ method: 'GET', host: 'b', target: '/', headers: [] }))
  assert.equal(table.routes[decision]?.route.id, '3')
})
