import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answering } from '../../test/routing-cases.ts'
import { checkSnapshot } from './check.ts'
import type { CorsPolicy, HeaderEdits, RetryPolicy, RoutePolicy } from './policy-model.ts'

const findings = (policy: Partial<RoutePolicy>) =>
  checkSnapshot({
    generation: 1,
    sources: [],
    listeners: [],
    routeTables: [
      {
        id: 't',
        virtualHosts: [
          { name: 'h', domains: ['*'], routes: [{ ...answering('r'), policy: { timeoutMs: 0, ...policy } }] },
        ],
      },
    ],
    clusters: [],
  })
    .filter(({ severity }) => severity === 'error')
    .map(({ code, path }) => `${code} ${path.replace('routeTables[0].virtualHosts[0].routes[0].policy.', '')}`)

const edits = (change: Partial<HeaderEdits>): HeaderEdits => ({ remove: [], set: [], add: [], ...change })
const retry: RetryPolicy = {
  attempts: 1,
  on: ['5xx'],
  statuses: [],
  perTryTimeoutMs: 0,
  backoff: { initialMs: 25, maxMs: 250 },
  budget: 0.2,
}
const cors: CorsPolicy = {
  allowOrigins: [{ kind: 'present' }],
  allowMethods: ['*'],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
}

const cases: readonly [string, Partial<RoutePolicy>, string[]][] = [
  ['nothing wrong', { retry, cors, fault: { delay: { share: 0.5, delayMs: 10 } }, requestHeaders: edits({}) }, []],
  [
    'fields that frame a message',
    { requestHeaders: edits({ remove: ['Connection'], set: [{ name: 'host', value: 'x' }] }) },
    ['bad-header requestHeaders.remove[0]', 'bad-header requestHeaders.set[0].name'],
  ],
  [
    'a name that is none, and a value that would end its line',
    { responseHeaders: edits({ remove: ['a b'], add: [{ name: 'x', value: 'a\r\nb: c' }] }) },
    ['bad-header responseHeaders.remove[0]', 'bad-text responseHeaders.add[0].value'],
  ],
  ['a pseudo header', { requestHeaders: edits({ remove: [':path'] }) }, ['bad-header requestHeaders.remove[0]']],
  [
    'a path that would end the request line',
    { rewrite: { path: { kind: 'full', value: '/a b' }, authority: 'a/b' } },
    ['bad-text rewrite.authority', 'bad-text rewrite.path.value'],
  ],
  [
    'a regex that is none',
    { rewrite: { path: { kind: 'regex', pattern: '(', value: '' } } },
    ['bad-regex rewrite.path.pattern'],
  ],
  [
    'a group that the regex does not have',
    { rewrite: { path: { kind: 'regex', pattern: '/(a)', value: '/\\2' } } },
    ['bad-substitution rewrite.path.value'],
  ],
  [
    'a backslash that means nothing',
    { rewrite: { path: { kind: 'regex', pattern: '/a', value: '/\\n' } } },
    ['bad-substitution rewrite.path.value'],
  ],
  [
    'shares that are none',
    { fault: { delay: { share: 2, delayMs: -1 }, abort: { share: Number.NaN, status: 99 } } },
    [
      'bad-share fault.delay.share',
      'bad-number fault.delay.delayMs',
      'bad-share fault.abort.share',
      'bad-number fault.abort.status',
    ],
  ],
  [
    'retries without end',
    { retry: { ...retry, attempts: 1_000, statuses: [42], budget: 7, backoff: { initialMs: 10, maxMs: 5 } } },
    [
      'bad-number retry.attempts',
      'bad-number retry.statuses[0]',
      'bad-number retry.backoff.initialMs',
      'bad-share retry.budget',
    ],
  ],
  [
    'origins and methods that cannot be',
    {
      cors: { ...cors, allowOrigins: [{ kind: 'regex', value: '(' }], allowMethods: ['GET,\r\n'], maxAgeSeconds: 0.5 },
    },
    ['bad-regex cors.allowOrigins[0]', 'bad-text cors.allowMethods[0]', 'bad-number cors.maxAgeSeconds'],
  ],
]

for (const [name, policy, want] of cases) {
  test(`a policy with ${name}`, () => {
    assert.deepEqual(findings(policy), want)
  })
}
