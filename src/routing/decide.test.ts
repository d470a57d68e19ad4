import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answering, routingCases } from '../../test/routing-cases.ts'
import type { CaseRequest } from '../../test/routing-cases.ts'
import { decide, prepareRouteTable } from './decide.ts'
import { explainRoute } from './explain.ts'
import type { RequestView } from './match.ts'

function viewOf({ method, host, target, headers }: CaseRequest): RequestView {
  const [path = '', query = ''] = target.split('?', 2)
  return {
    method,
    host,
    path,
    query,
    someHeader: (name, passes) => headers.some(([key, value]) => key.toLowerCase() === name && passes(value)),
  }
}

describe('decide takes the route of the table of cases', () => {
  for (const { name, virtualHosts, request, route } of routingCases) {
    test(name, () => {
      const decision = decide(prepareRouteTable({ id: 't', virtualHosts }), viewOf(request))
      assert.equal(decision.kind === 'route' ? decision.route.id : null, route)
    })
  }
})

describe('explain', () => {
  for (const { name, virtualHosts, request, route } of routingCases) {
    test(`agrees with decide: ${name}`, () => {
      const { taken } = explainRoute(prepareRouteTable({ id: 't', virtualHosts }), viewOf(request))
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
  assert.equal(decision.kind === 'route' && table.routes[decision.index]?.route.id, '3')
})
