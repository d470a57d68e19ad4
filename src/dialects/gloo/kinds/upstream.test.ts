import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { Upstream } from './upstream.ts'
import { unsupportedInUpstream, upstreamErrors, upstreamKind } from './upstream.ts'

const KUBE = 'serviceName: echo, serviceNamespace: echo, servicePort: 80'

/** The spec, as YAML, and the one field that is wrong. */
const REFUSED: Readonly<Record<string, readonly [spec: string, reason: string, field: string]>> = {
  'an Upstream of no type': ['{}', 'FieldValueRequired', 'spec'],
  'an Upstream of two types': [
    `{ kube: { ${KUBE} }, static: { hosts: [{ addr: a, port: 80 }] } }`,
    'FieldValueInvalid',
    'spec',
  ],
  'a Service without a name': [
    '{ kube: { serviceNamespace: echo, servicePort: 80 } }',
    'FieldValueRequired',
    'spec.kube.serviceName',
  ],
  'a Service without a port': [
    '{ kube: { serviceName: echo, serviceNamespace: echo } }',
    'FieldValueRequired',
    'spec.kube.servicePort',
  ],
  'a port that is none': [
    '{ kube: { serviceName: echo, serviceNamespace: echo, servicePort: 65536 } }',
    'FieldValueInvalid',
    'spec.kube.servicePort',
  ],
  'a fallback policy that is none': [
    `{ kube: { ${KUBE}, subsetSpec: { fallbackPolicy: SOME } } }`,
    'FieldValueNotSupported',
    'spec.kube.subsetSpec.fallbackPolicy',
  ],
  'a default subset that is missing': [
    `{ kube: { ${KUBE}, subsetSpec: { fallbackPolicy: DEFAULT_SUBSET } } }`,
    'FieldValueRequired',
    'spec.kube.subsetSpec.defaultSubset.values',
  ],
  'a selector without keys': [
    `{ kube: { ${KUBE}, subsetSpec: { selectors: [{}] } } }`,
    'FieldValueRequired',
    'spec.kube.subsetSpec.selectors[0].keys',
  ],
  'a selector with a key twice': [
    `{ kube: { ${KUBE}, subsetSpec: { selectors: [{ keys: [a, a] }] } } }`,
    'FieldValueDuplicate',
    'spec.kube.subsetSpec.selectors[0].keys[1]',
  ],
  'no static host': ['{ static: {} }', 'FieldValueRequired', 'spec.static.hosts'],
  'a static host of weight 0': [
    '{ static: { hosts: [{ addr: a, port: 80, loadBalancingWeight: 0 }] } }',
    'FieldValueInvalid',
    'spec.static.hosts[0].loadBalancingWeight',
  ],
  'a negative limit': [
    `{ kube: { ${KUBE} }, circuitBreakers: { maxRequests: -1 } }`,
    'FieldValueInvalid',
    'spec.circuitBreakers.maxRequests',
  ],
  'an ejection of more than all': [
    `{ kube: { ${KUBE} }, outlierDetection: { maxEjectionPercent: 101 } }`,
    'FieldValueInvalid',
    'spec.outlierDetection.maxEjectionPercent',
  ],
  'a health check of something that is no path': [
    `{ kube: { ${KUBE} }, healthChecks: [{ httpHealthCheck: { path: health } }] }`,
    'FieldValueInvalid',
    'spec.healthChecks[0].httpHealthCheck.path',
  ],
  'a health check without an interval': [
    `{ kube: { ${KUBE} }, healthChecks: [{ interval: 0s, tcpHealthCheck: {} }] }`,
    'FieldValueInvalid',
    'spec.healthChecks[0].interval',
  ],
  'two ways to balance': [
    `{ kube: { ${KUBE} }, loadBalancerConfig: { random: {}, maglev: {} } }`,
    'FieldValueInvalid',
    'spec.loadBalancerConfig',
  ],
  'a slow start that never ends': [
    `{ kube: { ${KUBE} }, loadBalancerConfig: { roundRobin: { slowStartConfig: { slowStartWindow: 1s, aggression: 0 } } } }`,
    'FieldValueInvalid',
    'spec.loadBalancerConfig.roundRobin.slowStartConfig.aggression',
  ],
  'a slow start for no time': [
    `{ kube: { ${KUBE} }, loadBalancerConfig: { leastRequest: { slowStartConfig: { slowStartWindow: 0s } } } }`,
    'FieldValueInvalid',
    'spec.loadBalancerConfig.leastRequest.slowStartConfig.slowStartWindow',
  ],
  'two sources of certificates': [
    `{ kube: { ${KUBE} }, sslConfig: { secretRef: { name: a }, sslFiles: {} } }`,
    'FieldValueInvalid',
    'spec.sslConfig',
  ],
  'a server name that is none': [
    `{ kube: { ${KUBE} }, sslConfig: { sni: 'a b' } }`,
    'FieldValueInvalid',
    'spec.sslConfig.sni',
  ],
  'a name to verify without an authority': [
    `{ kube: { ${KUBE} }, sslConfig: { verifySubjectAltName: [a.test] } }`,
    'FieldValueRequired',
    'spec.sslConfig.secretRef',
  ],
  'an ejection for no time': [
    `{ kube: { ${KUBE} }, outlierDetection: { baseEjectionTime: 0s } }`,
    'FieldValueInvalid',
    'spec.outlierDetection.baseEjectionTime',
  ],
  'a connect timeout that is no duration': [
    `{ kube: { ${KUBE} }, connectionConfig: { connectTimeout: soon } }`,
    'FieldValueInvalid',
    'spec.connectionConfig.connectTimeout',
  ],
}

for (const [what, [spec, reason, field]] of Object.entries(REFUSED)) {
  test(`${what} is refused`, () => {
    assert.deepEqual(
      upstreamErrors(read(spec)).map((error) => [error.reason, error.field]),
      [[reason, field]],
    )
  })
}

test('TLS that nobody verifies is said when it is applied', () => {
  assert.deepEqual(findings('{ static: { hosts: [{ addr: a, port: 443 }] } }'), ['warning spec.static.useTls'])
  assert.deepEqual(findings('{ static: { useTls: false, hosts: [{ addr: a, port: 443 }] } }'), [])
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, sslConfig: { sni: a.test } }`), ['warning spec.sslConfig'])
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, sslConfig: { secretRef: { name: a } } }`), [])
})

test('TLS in a way that is not implemented is refused, what only tunes is left out', () => {
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, sslConfig: { sslFiles: { rootCa: /ca.pem } } }`), [
    'error spec.sslConfig.sslFiles',
    'warning spec.sslConfig',
  ])
  const names = 'secretRef: { name: a }, sni: a.test, verifySubjectAltName: [b.test]'
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, sslConfig: { ${names} } }`), [
    'error spec.sslConfig.verifySubjectAltName',
  ])
  const hosts = '[{ addr: a, port: 443, sniAddr: a.test }, { addr: b, port: 443 }]'
  assert.deepEqual(findings(`{ static: { hosts: ${hosts} } }`), [
    'error spec.static.hosts',
    'warning spec.static.useTls',
  ])
  assert.deepEqual(
    findings(`{ kube: { ${KUBE} }, sslConfig: { secretRef: { name: a }, parameters: {} }, failover: {} }`),
    ['warning spec.failover', 'warning spec.sslConfig.parameters'],
  )
})

test('what only tunes is left out, and what is as it is here anyway passes without a word', () => {
  assert.deepEqual(
    findings(`{ kube: { ${KUBE} }, failover: {}, loadBalancerConfig: { roundRobin: {}, healthyPanicThreshold: 0 } }`),
    ['warning spec.failover'],
  )
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, useHttp2: true, protocolSelection: USE_CONFIGURED_PROTOCOL }`), [])
  assert.deepEqual(findings(`{ kube: { ${KUBE} }, protocolSelection: 1, preconnectPolicy: {} }`), [
    'warning spec.preconnectPolicy',
    'warning spec.protocolSelection',
  ])
})

test('kubectl get shows where it leads', () => {
  const cells = upstreamKind.columns.map((column) => [column.name, column.cell(read(`{ kube: { ${KUBE} } }`), 0)])
  assert.deepEqual(cells.slice(0, 4), [
    ['Type', 'Kubernetes'],
    ['Target', 'echo/echo:80'],
    ['State', 'Pending'],
    ['Programmed', '-'],
  ])
})

function read(spec: string): Upstream {
  return {
    apiVersion: 'gloo.solo.io/v1',
    kind: 'Upstream',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: parse(spec) as NonNullable<Upstream['spec']>,
  }
}

function findings(spec: string): readonly string[] {
  return unsupportedInUpstream(read(spec)).map(({ severity, path }) => `${severity} ${path}`)
}
