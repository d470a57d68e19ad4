import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRoutingFile } from './file.ts'

const file = (policy: string): string => `
listeners: [{ port: 0 }]
routeTables:
  - virtualHosts:
      - routes:
          - action: { destinations: [{ cluster: v1 }] }
            policy: ${policy}
clusters: [{ name: v1, endpoints: ['127.0.0.1:9001'] }]
`

function policyOf(text: string): unknown {
  const { snapshot, findings } = readRoutingFile(file(text))
  assert.deepEqual(findings, [])
  return snapshot?.routeTables[0]?.virtualHosts[0]?.routes[0]?.policy
}

test('policies of a route, with what is left out filled in', () => {
  assert.deepEqual(policyOf('{ fault: { abort: { status: 503 } }, idleTimeoutMs: 1000 }'), {
    timeoutMs: 15_000,
    fault: { abort: { share: 1, status: 503 } },
    idleTimeoutMs: 1_000,
  })
  assert.deepEqual(policyOf('{ retry: { on: [5xx] } }'), {
    timeoutMs: 15_000,
    retry: {
      attempts: 1,
      on: ['5xx'],
      statuses: [],
      perTryTimeoutMs: 0,
      backoff: { initialMs: 25, maxMs: 250 },
      budget: 0.2,
    },
  })
  assert.deepEqual(policyOf('{ requestHeaders: { remove: [X-A], set: [{ name: x-b, value: c }] } }'), {
    timeoutMs: 15_000,
    requestHeaders: { remove: ['x-a'], set: [{ name: 'x-b', value: 'c' }], add: [] },
  })
  assert.deepEqual(policyOf('{ cors: { allowOrigins: ["https://a.example.com"], allowMethods: [GET] } }'), {
    timeoutMs: 15_000,
    cors: {
      allowOrigins: [{ kind: 'exact', value: 'https://a.example.com' }],
      allowMethods: ['GET'],
      allowHeaders: [],
      exposeHeaders: [],
      allowCredentials: false,
    },
  })
  assert.deepEqual(policyOf("{ rewrite: { path: { kind: regex, pattern: '/(.*)', value: '/v1/\\1' } } }"), {
    timeoutMs: 15_000,
    rewrite: { path: { kind: 'regex', pattern: '/(.*)', value: '/v1/\\1' } },
  })
})

test('mistakes in policies are found where they stand', () => {
  for (const [policy, place] of [
    ['{ fault: { abort: { share: 1.5, status: 503 } } }', 'fault.abort.share'],
    ['{ retry: { on: [always] } }', 'retry.on'],
    ['{ responseHeaders: { remove: [content-length] } }', 'responseHeaders.remove[0]'],
  ] as const) {
    const { findings } = readRoutingFile(file(policy))
    assert.equal(findings.length, 1, policy)
    assert.match(JSON.stringify(findings[0]), new RegExp(RegExp.escape(place)))
  }
})
