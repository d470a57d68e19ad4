import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { podKind } from './pod.ts'
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from './pod.ts'

const web: Container = { name: 'web', image: 'nginx:1.27' }

function pod(spec: Partial<PodSpec> = {}, status?: PodStatus): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'default' },
    spec: { containers: [web], ...spec },
    ...(status === undefined ? {} : { status }),
  }
}

function withContainer(fields: Partial<Container>): Pod {
  return pod({ containers: [{ ...web, ...fields }] })
}

test('a pod gets its defaults', () => {
  assert.deepEqual(admitted(podKind, pod()), {
    ...pod(),
    spec: {
      containers: [
        {
          ...web,
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    },
    status: { phase: 'Pending' },
  })
})

test('defaults change nothing that is there, so that applying them twice is applying them once', () => {
  const object = pod({
    containers: [
      {
        ...web,
        ports: [{ containerPort: 80 }],
        env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        readinessProbe: { httpGet: { port: 80 } },
        livenessProbe: { grpc: { port: 9000 } },
        lifecycle: { preStop: { httpGet: { port: 'http' } } },
      },
    ],
    volumes: [
      { name: 'a' },
      { name: 'b', configMap: { name: 'c' } },
      { name: 'c', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    ],
    serviceAccount: 'bot',
  })
  const once = admitted(podKind, object)
  assert.deepEqual(admitted(podKind, once), once)
  assert.deepEqual(once.spec.containers[0]?.readinessProbe, {
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  })
  assert.deepEqual(once.spec.containers[0].ports, [{ containerPort: 80, protocol: 'TCP' }])
  assert.deepEqual(once.spec.volumes, [
    { name: 'a', emptyDir: {} },
    { name: 'b', configMap: { name: 'c', defaultMode: 420 } },
    {
      name: 'c',
      projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }], defaultMode: 420 },
    },
  ])
  assert.equal(once.spec.serviceAccountName, 'bot')
})

const policies: Readonly<Record<string, string>> = {
  nginx: 'Always',
  'nginx:latest': 'Always',
  'registry:5000/nginx': 'Always',
  'registry:5000/nginx:1': 'IfNotPresent',
  'nginx:1.27': 'IfNotPresent',
  'nginx@sha256:0123': 'IfNotPresent',
  'nginx:latest@sha256:0123': 'IfNotPresent',
}
for (const [image, policy] of Object.entries(policies)) {
  test(`the image ${image} is pulled ${policy}`, () => {
    assert.equal(admitted(podKind, withContainer({ image })).spec.containers[0]?.imagePullPolicy, policy)
  })
}

const invalid: readonly (readonly [what: string, object: Pod, complaint: string])[] = [
  ['no containers', pod({ containers: [] }), 'spec.containers: Required value'],
  ['no image', pod({ containers: [{ name: 'a' }] }), 'spec.containers[0].image: Required value'],
  ['two containers of one name', pod({ containers: [web, web] }), 'spec.containers[1].name: Duplicate value: "web"'],
  [
    'an init container named like a container',
    pod({ initContainers: [web] }),
    'spec.initContainers[0].name: Duplicate value: "web"',
  ],
  [
    'a port out of range',
    withContainer({ ports: [{ containerPort: 70_000 }] }),
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'two ports of one name',
    withContainer({
      ports: [
        { containerPort: 80, name: 'http' },
        { containerPort: 81, name: 'http' },
      ],
    }),
    'spec.containers[0].ports[1].name: Duplicate value: "http"',
  ],
  [
    'an environment variable without a name',
    withContainer({ env: [{ name: '' }] }),
    'spec.containers[0].env[0].name: Required value',
  ],
  [
    'an environment variable with a value and a source',
    withContainer({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    'a mount of a volume that is not there',
    withContainer({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "data"',
  ],
  [
    'a volume of two kinds',
    pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }),
    'spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type',
  ],
  [
    'a probe of no kind',
    withContainer({ readinessProbe: {} }),
    'spec.containers[0].readinessProbe: Required value: must specify a handler type',
  ],
  [
    'a probe of two kinds',
    withContainer({ readinessProbe: { httpGet: { port: 80 }, tcpSocket: { port: 80 } } }),
    'spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
  ],
  [
    'a liveness probe that waits for two successes',
    withContainer({ livenessProbe: { httpGet: { port: 80 }, successThreshold: 2 } }),
    'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
  ],
  [
    'a request over its limit',
    withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m',
  ],
  [
    'a probe of an init container',
    pod({ initContainers: [{ name: 'init', image: 'x', readinessProbe: { httpGet: { port: 80 } } }] }),
    'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
  ],
  [
    'a policy that is none',
    pod({ restartPolicy: 'Sometimes' as 'Always' }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
]
for (const [what, object, complaint] of invalid) {
  test(`a pod with ${what} is refused`, () => assert.deepEqual(complaints(podKind, object), [complaint]))
}

test('a running pod may get another image, but no other command', () => {
  const old = pod({ nodeName: 'local' })
  const image = pod({ nodeName: 'local', containers: [{ ...web, image: 'nginx:1.28' }] })
  const command = pod({ nodeName: 'local', containers: [{ ...web, command: ['x'] }] })
  assert.deepEqual(complaints(podKind, image, old), [])
  assert.match(
    complaints(podKind, command, old)[0] ?? '',
    /^spec: Forbidden: pod updates may not change fields other than/,
  )
})

test('a pod is placed once', () => {
  assert.deepEqual(complaints(podKind, pod({ nodeName: 'local' }), pod()), [])
  assert.equal(complaints(podKind, pod({ nodeName: 'other' }), pod({ nodeName: 'local' })).length, 1)
})

test('doubtful definitions are warned of', () => {
  const object = withContainer({
    env: [{ name: 'A' }, { name: 'A' }],
    ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }],
    resources: { limits: { memory: '128m' } },
  })
  assert.deepEqual(podKind.warnings?.(object), [
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
    'spec.containers[0].resources.limits[memory]: fractional byte value "128m" is invalid, must be an integer',
  ])
})

function container(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'web', image: 'nginx', imageID: '', ready: false, restartCount: 0, ...(state && { state }), ...more }
}
const running = container({ running: {} }, { ready: true })
const init: Partial<PodSpec> = {
  initContainers: [
    { name: 'init', image: 'x' },
    { name: 'more', image: 'x' },
  ],
}

const words: readonly (readonly [word: string, object: Pod])[] = [
  ['Unknown', pod()],
  ['Pending', pod({}, { phase: 'Pending' })],
  ['Running', pod({}, { phase: 'Running', containerStatuses: [running] })],
  ['Evicted', pod({}, { phase: 'Failed', reason: 'Evicted' })],
  [
    'ErrImagePull',
    pod({}, { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ErrImagePull' } })] }),
  ],
  [
    'CrashLoopBackOff',
    pod({}, { phase: 'Running', containerStatuses: [container({ waiting: { reason: 'CrashLoopBackOff' } })] }),
  ],
  [
    'Completed',
    pod(
      {},
      { phase: 'Succeeded', containerStatuses: [container({ terminated: { exitCode: 0, reason: 'Completed' } })] },
    ),
  ],
  [
    'Error',
    pod({}, { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 1, reason: 'Error' } })] }),
  ],
  ['ExitCode:3', pod({}, { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 3 } })] })],
  [
    'Signal:9',
    pod({}, { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 137, signal: 9 } })] }),
  ],
  [
    'NotReady',
    pod(
      {},
      {
        phase: 'Running',
        containerStatuses: [container({ terminated: { exitCode: 0, reason: 'Completed' } }), running],
      },
    ),
  ],
  ['Init:0/2', pod(init, { phase: 'Pending', initContainerStatuses: [container({ running: {} }, { name: 'init' })] })],
  [
    'Init:1/2',
    pod(init, {
      phase: 'Pending',
      initContainerStatuses: [
        container({ terminated: { exitCode: 0 } }, { name: 'init' }),
        container({ waiting: { reason: 'PodInitializing' } }, { name: 'more' }),
      ],
    }),
  ],
  [
    'Init:Error',
    pod(init, {
      phase: 'Pending',
      initContainerStatuses: [container({ terminated: { exitCode: 1, reason: 'Error' } }, { name: 'init' })],
    }),
  ],
  [
    'Terminating',
    {
      ...pod({}, { phase: 'Running', containerStatuses: [running] }),
      metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' },
    },
  ],
]
for (const [word, object] of words) {
  test(`the status cell says ${word}`, () => assert.equal(cells(podKind, object)['Status'], word))
}

test('a row tells readiness, restarts, age and place', () => {
  const object: Pod = {
    ...pod(
      { nodeName: 'local', containers: [web, { name: 'side', image: 'x' }] },
      {
        phase: 'Running',
        podIP: '127.20.0.1',
        containerStatuses: [
          running,
          container(
            { running: {} },
            { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:05:00Z' } } },
          ),
        ],
      },
    ),
    metadata: { name: 'web-1', creationTimestamp: '2026-01-01T00:00:00Z' },
  }
  assert.deepEqual(cells(podKind, object, Date.parse('2026-01-01T00:10:00Z')), {
    Ready: '1/2',
    Status: 'Running',
    Restarts: '3 (5m ago)',
    Age: '10m',
    IP: '127.20.0.1',
    Node: 'local',
    'Nominated Node': '<none>',
    'Readiness Gates': '<none>',
  })
})

test('a pod that never ran has nothing to stop', () => {
  assert.equal(podKind.gracePeriodSeconds?.(pod({ terminationGracePeriodSeconds: 10 })), 0)
  assert.equal(podKind.gracePeriodSeconds?.(pod({ terminationGracePeriodSeconds: 10, nodeName: 'local' })), 10)
  assert.equal(podKind.gracePeriodSeconds?.(pod({ nodeName: 'local' }, { phase: 'Failed' })), 0)
})
