/** `sluice describe`, `events` and `top` against the real API server: the layout is kubectl's. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestApi } from '../../test/support/api-server.ts'
import type { TestApi } from '../../test/support/api-server.ts'
import { runCli } from '../../test/support/cli.ts'
import type { CliRun, CliSurroundings } from '../../test/support/cli.ts'
import { createHttpClient } from '../kube/http-client.ts'
import type { HttpClient } from '../kube/http-client.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'

let api: TestApi
let client: HttpClient

before(async () => {
  api = await startTestApi()
  client = createHttpClient(await loadKubeconfig(api.kubeconfig))
})

after(async () => {
  client.close()
  await api.stop()
})

function sluice(args: string, surroundings: CliSurroundings = {}): Promise<CliRun> {
  return runCli(args.split(' '), { cwd: api.directory, ...surroundings })
}

async function apply(...objects: readonly object[]): Promise<void> {
  const { stderr, code } = await sluice('apply -f -', {
    stdin: objects.map((each) => JSON.stringify(each)).join('\n---\n'),
  })
  assert.deepEqual([code, stderr], [0, ''])
}

async function writeStatus(path: string, status: object): Promise<void> {
  const headers = { 'content-type': 'application/merge-patch+json' }
  await client.json(`${path}/status`, { method: 'PATCH', headers, body: { status } })
}

interface Happening {
  readonly name: string
  readonly about: object
  readonly secondsAgo: number
  readonly namespace?: string
  readonly count?: number
}

function happened({ name, about, secondsAgo, namespace = 'default', count = 1 }: Happening): object {
  const at = (ago: number): string => `${new Date(Date.now() - ago * 1000).toISOString().slice(0, 19)}Z`
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: { namespace, ...about },
    reason: `R-${name}`,
    type: 'Normal',
    message: 'seen',
    source: { component: 'tester' },
    firstTimestamp: at(secondsAgo + 3600),
    lastTimestamp: at(secondsAgo),
    count,
  }
}

const TEMPLATE = {
  metadata: { labels: { app: 'web', version: 'v1' } },
  spec: { containers: [{ name: 'web', image: 'example.com/web', args: ['-v'], ports: [{ containerPort: 3000 }] }] },
}
const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 2, selector: { matchLabels: { app: 'web', version: 'v1' } }, template: TEMPLATE },
}

test('describe shows a Deployment: metadata, strategy, template, conditions', async () => {
  await apply(DEPLOYMENT)
  const conditions = [{ type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'not yet' }]
  await writeStatus('/apis/apps/v1/namespaces/default/deployments/web', { replicas: 2, updatedReplicas: 2, conditions })
  const { code, stdout } = await sluice('describe deploy web')
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^Name: {19}web\nNamespace: {14}default\nCreationTimestamp: {6}\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\n/,
  )
  assert.match(stdout, /\nSelector: +app=web,version=v1\nReplicas: +2 desired \| 2 updated \| 2 total \| 0 available/)
  assert.match(stdout, /\nRollingUpdateStrategy: {2}25% max unavailable, 25% max surge\n/)
  assert.match(stdout, /\nPod Template:\n {2}Labels: {2}app=web\n {11}version=v1\n {2}Containers:\n {4}web:\n/)
  assert.match(stdout, /\n {6}Image: +example\.com\/web\n {6}Port: +3000\/TCP\n {6}Args: +-v\n/)
  assert.match(
    stdout,
    /\nConditions:\n {2}Type +Status +Reason +Message\n {2}-+ +-+ +-+ +-+\n {2}Available +False +MinimumReplicasUnavailable +not yet\n/,
  )
  assert.match(stdout, /\nEvents: +<none>\n$/)
  assert.doesNotMatch(stdout, /last-applied|managedFields/)
})

test('describe shows the containers of a pod, what they do now and how they ended before', async () => {
  const spec = { containers: TEMPLATE.spec.containers }
  await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'default' }, spec })
  const terminated = { exitCode: 1, reason: 'Error', message: 'listen on $HOST\n', startedAt: '2026-01-01T00:00:00Z' }
  await writeStatus('/api/v1/namespaces/default/pods/web-1', {
    phase: 'Running',
    podIP: '127.0.0.9',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [
      {
        name: 'web',
        image: 'example.com/web',
        imageID: '',
        ready: true,
        restartCount: 3,
        state: { running: { startedAt: '2026-01-02T00:00:00Z' } },
        lastState: { terminated },
      },
    ],
  })
  const { stdout } = await sluice('describe pod web-1')
  assert.match(stdout, /\nStatus: +Running\nIP: +127\.0\.0\.9\n/)
  assert.match(stdout, /\n {4}State: +Running\n {6}Started: +Fri, 02 Jan 2026 00:00:00 \+0000\n/)
  assert.match(
    stdout,
    /\n {4}Last State: +Terminated\n {6}Reason: +Error\n +Message: +listen on \$HOST\n +Exit Code: +1\n/,
  )
  assert.match(stdout, /\n {4}Ready: +True\n {4}Restart Count: +3\n/)
  assert.match(stdout, /\nConditions:\n {2}Type +Status\n {2}---- +------\n {2}Ready +True\n/)
})

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 3000 }] },
}
const SLICE = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-x', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [
    { addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'web-1' } },
    { addresses: ['10.0.0.2'], conditions: { ready: false }, targetRef: { kind: 'Pod', name: 'web-2' } },
  ],
  ports: [{ port: 3000 }],
}
const SERVED = /10\.0\.0\.1:3000 \(pod\/web-1 ready\)\n +10\.0\.0\.2:3000 \(pod\/web-2 not ready\)\n/

test('describe tells who serves: of a Service, an Upstream and a VirtualService', async () => {
  const kube = { serviceName: 'web', serviceNamespace: 'default', servicePort: 80 }
  const upstream = { name: 'web', namespace: 'default' }
  const subset = { values: { version: 'v1' } }
  const routes = [{ matchers: [{ prefix: '/api' }], routeAction: { single: { upstream, subset } } }]
  await apply(
    SERVICE,
    SLICE,
    {
      apiVersion: 'gloo.solo.io/v1',
      kind: 'Upstream',
      metadata: upstream,
      spec: { kube: { ...kube, subsetSpec: { selectors: [{ keys: ['version'] }] } } },
    },
    {
      apiVersion: 'gateway.solo.io/v1',
      kind: 'VirtualService',
      metadata: upstream,
      spec: { virtualHost: { domains: ['a.test'], routes } },
    },
  )
  const service = await sluice('describe svc web')
  assert.match(service.stdout, /\nPort: +<unset> {2}80\/TCP\nTargetPort: +3000\/TCP\nEndpoints: +/)
  assert.match(service.stdout, SERVED)
  const us = await sluice('describe upstream web')
  assert.match(us.stdout, /\nService: +default\/web:80\nSubsets by: +version\nEndpoints: +/)
  assert.match(us.stdout, SERVED)
  const vs = await sluice('describe vs web')
  assert.match(vs.stdout, /\nDomains: +a\.test\n/)
  assert.match(vs.stdout, /\n {2}0 +\/api\* +web \(version=v1\)\nEndpoints:\n {2}default\/web: +10\.0\.0\.1/)
  assert.match(vs.stdout, SERVED)
})

test('describe shows a Release: phase, shares, targets, steps with their gates', async () => {
  const routes = [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', name: 'web' }]
  const target = {
    name: 'web',
    stable: { kind: 'Deployment', name: 'web' },
    canary: { kind: 'Deployment', name: 'web-2' },
    routes,
  }
  await apply({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'web', namespace: 'default' },
    spec: { targets: [target], steps: [{ name: 'ten', weight: 10, gates: [{ approval: {} }] }] },
  })
  await writeStatus('/apis/sluice.dev/v1alpha1/namespaces/default/releases/web', {
    phase: 'Progressing',
    message: 'waits',
    traffic: { stableWeight: 90, canaryWeight: 10 },
  })
  const { stdout } = await sluice('describe release web')
  assert.match(stdout, /\nPhase: +Progressing\nMessage: +waits\nTraffic: +stable 90 %, canary 10 %\n/)
  assert.match(
    stdout,
    /\nTargets:\n {2}Name +Stable +Canary +Routes\n[^\n]+\n {2}web +Deployment\/web +Deployment\/web-2 +VirtualService\/web\n/,
  )
  assert.match(stdout, /\nSteps:\n[^\n]+\n[^\n]+\n {2}ten +10 +a person approves/)
})

test('describe of several names goes on past one that is not there, and its exit code is 1', async () => {
  const { code, stdout, stderr } = await sluice('describe ns none default')
  assert.equal(code, 1)
  assert.equal(stderr, 'Error from server (NotFound): namespaces "none" not found\n')
  assert.match(stdout, /^Name: +default\n/)
})

test('describe ends with the events about the object, their ages and how often', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { a: '1' },
  })
  const { metadata } = JSON.parse((await sluice('get configmap settings -o json')).stdout) as {
    metadata: { uid: string }
  }
  const about = { kind: 'ConfigMap', name: 'settings', uid: metadata.uid }
  await apply(
    happened({ name: 'late', about, secondsAgo: 60, count: 3 }),
    happened({ name: 'early', about, secondsAgo: 300 }),
    happened({ name: 'other', about: { ...about, uid: 'another' }, secondsAgo: 600 }),
  )
  const { stdout } = await sluice('describe configmap/settings')
  assert.match(stdout, /\nData: +a: "1"\nEvents:\n {2}Type +Reason +Age +From +Message\n/)
  assert.match(
    stdout,
    /\n {2}Normal +R-early +5m\d*s? +tester +seen\n {2}Normal +R-late +6\ds \(x3 over 61m\) +tester +seen\n$/,
  )
})

test('events has those of the namespace, of an object or of all namespaces, the latest last', async () => {
  await apply(happened({ name: 'far', about: { kind: 'Pod', name: 'p' }, secondsAgo: 900, namespace: 'kube-system' }))
  const here = await sluice('events')
  assert.match(
    here.stdout,
    /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n10m +Normal +R-other +ConfigMap\/settings +seen\n/,
  )
  assert.deepEqual(here.stdout.match(/R-\w+/g), ['R-other', 'R-early', 'R-late'])
  const all = await sluice('events -A')
  assert.match(all.stdout, /^NAMESPACE +LAST SEEN +TYPE[^\n]*\nkube-system +15m +Normal +R-far/)
  assert.deepEqual((await sluice('events pod/p -n kube-system')).stdout.match(/R-\w+/g), ['R-far'])
  const none = await sluice('events pod/none')
  assert.deepEqual([none.code, none.stdout, none.stderr], [0, '', 'No events found in default namespace.\n'])
})

test('events --watch goes on with new ones until it is ended', async () => {
  const end = new AbortController()
  const { promise: listed, resolve: isListed } = Promise.withResolvers<undefined>()
  let printed = ''
  const watching = sluice('events -w', {
    signal: end.signal,
    onOutput: (text) => {
      printed += text
      if (printed.includes('R-late')) isListed(undefined)
      if (printed.includes('R-new')) end.abort()
    },
  })
  await listed
  await apply(happened({ name: 'new', about: { kind: 'Pod', name: 'p' }, secondsAgo: 1 }))
  assert.match((await watching).stdout, /\n\ds +Normal +R-new +Pod\/p +seen\n$/)
})

test('events prints the latest 500 and says how many there are', async () => {
  const path = '/api/v1/namespaces/default/events'
  const about = { kind: 'Pod', name: 'many' }
  for (let index = 0; index < 501; index++) {
    await client.json(path, { method: 'POST', body: happened({ name: `m${index}`, about, secondsAgo: 600 - index }) })
  }
  const { stdout, stderr } = await sluice('events pod/many')
  assert.equal(stderr, 'The latest 500 of 501 events:\n')
  assert.equal(stdout.split('\n').length, 1 + 500 + 1)
  assert.doesNotMatch(stdout, /R-m0 /)
})

test('top says where to see what pods use, and fails', async () => {
  const { code, stderr } = await sluice('top pods')
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^sluice: Cannot tell CPU and memory: [^\n]*processes of this machine[^\n]*ps -eo pid,pcpu,rss,args/,
  )
})
