import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { serviceKind } from './service.ts'
import type { Service, ServiceSpec } from './service.ts'

function service(spec: ServiceSpec, status?: Service['status']): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec,
    ...(status === undefined ? {} : { status }),
  }
}

test('a Service gets its defaults', () => {
  assert.deepEqual(admitted(serviceKind, service({ ports: [{ port: 80 }] })), {
    ...service({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    }),
    status: { loadBalancer: {} },
  })
})

test('a load balancer gets its own', () => {
  const { spec } = admitted(
    serviceKind,
    service({ type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] }),
  )
  assert.equal(spec.externalTrafficPolicy, 'Cluster')
  assert.equal(spec.allocateLoadBalancerNodePorts, true)
  assert.deepEqual(spec.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10_800 } })
})

const invalid: readonly (readonly [what: string, spec: ServiceSpec, complaints: readonly string[]])[] = [
  ['no ports', {}, ['spec.ports: Required value']],
  [
    'a port out of range',
    { ports: [{ port: 0 }] },
    [
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
  ],
  ['ports without names', { ports: [{ port: 80 }, { port: 81, name: 'b' }] }, ['spec.ports[0].name: Required value']],
  [
    'one port twice',
    {
      ports: [
        { port: 80, name: 'a' },
        { port: 80, name: 'b' },
      ],
    },
    ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
  ],
  [
    'a target that is no name of a port',
    { ports: [{ port: 80, targetPort: 'HTTP!' }] },
    [
      'spec.ports[0].targetPort: Invalid value: "HTTP!": must contain only lower case letters, digits and single \'-\' between them',
      'spec.ports[0].targetPort: Invalid value: "HTTP!": must contain at least one letter (a-z)',
    ],
  ],
  [
    'a node port inside the cluster',
    { ports: [{ port: 80, nodePort: 30_000 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'a node port out of range',
    { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
    [
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  ],
  [
    'an address that is none',
    { clusterIP: 'here', ports: [{ port: 80 }] },
    ['spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address'],
  ],
  ['no external name', { type: 'ExternalName' }, ['spec.externalName: Required value']],
]
for (const [what, spec, expected] of invalid) {
  test(`a Service with ${what} is refused`, () => assert.deepEqual(complaints(serviceKind, service(spec)), expected))
}

test('a headless Service needs no ports', () => {
  assert.deepEqual(complaints(serviceKind, service({ clusterIP: 'None' })), [])
})

test('the address stays what it was', () => {
  const old = service({ clusterIP: '127.20.128.1', ports: [{ port: 80 }] })
  assert.deepEqual(complaints(serviceKind, service({ ...old.spec, clusterIP: '127.20.128.2' }), old), [
    'spec.clusterIPs[0]: Invalid value: ["127.20.128.2"]: may not change once set',
  ])
  assert.deepEqual(complaints(serviceKind, old, old), [])
})

test('one node port serves one port over several protocols, not two over the same', () => {
  const ports = (protocol: 'TCP' | 'UDP'): ServiceSpec['ports'] => [
    { name: 'a', port: 53, nodePort: 30_053, protocol: 'TCP' },
    { name: 'b', port: protocol === 'UDP' ? 53 : 54, nodePort: 30_053, protocol },
  ]
  assert.deepEqual(complaints(serviceKind, service({ type: 'NodePort', ports: ports('UDP') ?? [] })), [])
  assert.deepEqual(complaints(serviceKind, service({ type: 'NodePort', ports: ports('TCP') ?? [] })), [
    'spec.ports[1].nodePort: Duplicate value: 30053',
  ])
})

test('a row tells where a Service is reached', () => {
  const object = service(
    {
      type: 'LoadBalancer',
      clusterIP: '127.20.128.1',
      selector: { app: 'web', tier: 'x' },
      ports: [
        { port: 80, nodePort: 30_080, protocol: 'TCP' },
        { port: 443, protocol: 'TCP' },
      ],
    },
    { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } },
  )
  assert.deepEqual(cells(serviceKind, object), {
    Type: 'LoadBalancer',
    'Cluster-IP': '127.20.128.1',
    'External-IP': '127.0.0.1',
    'Port(s)': '80:30080/TCP,443/TCP',
    Age: '<unknown>',
    Selector: 'app=web,tier=x',
  })
  assert.equal(cells(serviceKind, service(object.spec))['External-IP'], '<pending>')
})
