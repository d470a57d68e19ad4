/** The commands for objects against the real API server: what users see is asserted word for word. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { startTestApi } from '../../test/support/api-server.ts'
import type { TestApi } from '../../test/support/api-server.ts'
import { createHttpClient } from '../kube/http-client.ts'
import type { HttpClient } from '../kube/http-client.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'
import { runCli } from '../../test/support/cli.ts'
import type { CliRun, CliSurroundings } from '../../test/support/cli.ts'

const STORY = resolve(import.meta.dirname, '../../examples/stories/gloo-two-phase')

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

function file(name: string, text: string): string {
  const path = join(api.directory, name)
  writeFileSync(path, text)
  return path
}

test('apply says what it did as kubectl says it, and a second time that nothing changed', async () => {
  const first = await sluice(`apply -f ${STORY}/1-setup`)
  assert.equal(first.stderr, '')
  assert.equal(
    first.stdout,
    'namespace/echo created\ndeployment.apps/echo-v1 created\nservice/echo created\n' +
      'upstream.gloo.solo.io/echo created\nvirtualservice.gateway.solo.io/echo created\n',
  )
  assert.equal(first.code, 0)
  const second = await sluice(`apply -f ${STORY}/1-setup`)
  assert.equal(second.stdout, first.stdout.replaceAll('created', 'unchanged'))
  const changed = await sluice(`apply -f ${STORY}/2-initial-subset-routing-to-v2/vs-1.yaml`)
  assert.equal(changed.stdout, 'virtualservice.gateway.solo.io/echo configured\n')
})

function settings(values: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings, namespace: default }\ndata: { ${values} }\n`
}

test('apply removes what the file says no more and leaves alone what others wrote', async () => {
  await sluice('apply -f -', { stdin: settings('a: "1", b: "2"') })
  const path = '/api/v1/namespaces/default/configmaps/settings'
  const headers = { 'content-type': 'application/merge-patch+json' }
  await client.json(path, { method: 'PATCH', headers, body: { data: { c: '3' } } })
  assert.equal((await sluice('apply -f -', { stdin: settings('a: "9"') })).stdout, 'configmap/settings configured\n')
  const { data } = (await client.json(path)) as { data: unknown }
  assert.deepEqual(data, { a: '9', c: '3' })
})

test('every mistake is reported with its place, and the other documents are applied', async () => {
  const path = file(
    'mixed.yaml',
    [
      'apiVersion: v1\nkind: Service\nmetadata: { name: bad }\nspec:\n  ports:\n    - port: 70000\n',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: good }\n',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd }\ndada: {}\n',
      'apiVersion: v9\nkind: ConfigMap\nmetadata: { name: old }\n',
      'a: [\n',
    ].join('---\n'),
  )
  const { code, stdout, stderr } = await sluice(`apply -f ${path}`)
  assert.equal(code, 1)
  assert.equal(stdout, 'configmap/good created\n')
  assert.match(stderr, /mixed\.yaml:6:7: Cannot apply "service\/bad": spec\.ports\[0\]\.port: Invalid value: 70000/)
  assert.match(stderr, /mixed\.yaml:15:1: Cannot apply "configmap\/odd": unknown field "dada"/)
  assert.match(
    stderr,
    /mixed\.yaml:17:1: Cannot apply the ConfigMap: no matches for kind "ConfigMap" in version "v9"; the server has ConfigMap in "v1"/,
  )
  assert.match(stderr, /mixed\.yaml:\d+:\d+: Cannot read the YAML/)
})

test('apply names the kind and the field that were probably meant', async () => {
  const path = file(
    'near.yaml',
    [
      'apiVersion: apps/v1\nkind: Deploymnt\nmetadata: { name: a }\n',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: b }\nspec:\n  replica: 2\n  replicaz: 2\n  nothingLikeIt: 1\n',
      'apiVersion: sluice.dev/v1alpha1\nkind: Release\nmetadata: { name: c }\nspec:\n  steps:\n    - gates:\n        - pause: {}\n',
    ].join('---\n'),
  )
  const { code, stderr } = await sluice(`apply -f ${path}`)
  assert.equal(code, 1)
  assert.deepEqual(stderr.replaceAll(path, 'near.yaml').trimEnd().split('\n'), [
    'near.yaml:1:1: Cannot apply the Deploymnt: no matches for kind "Deploymnt" in version "apps/v1"; did you mean "Deployment"?',
    'near.yaml:9:3: Cannot apply "deployment.apps/b": unknown field "spec.replica"; did you mean "replicas"?',
    'near.yaml:10:3: Cannot apply "deployment.apps/b": unknown field "spec.replicaz"; did you mean "replicas"?',
    'near.yaml:11:3: Cannot apply "deployment.apps/b": unknown field "spec.nothingLikeIt"',
    'near.yaml:19:11: Cannot apply "release.sluice.dev/c": unknown field "spec.steps[0].gates[0].pause"; ' +
      'did you mean "approval: {}" or "wait: { duration: 30s }"?',
  ])
})

test('apply --dry-run changes nothing', async () => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: dry }\n'
  const { stdout } = await sluice('apply --dry-run -f -', { stdin: text })
  assert.equal(stdout, 'configmap/dry created (server dry run)\n')
  assert.equal((await sluice('get configmap dry')).code, 1)
})

test('apply refuses a namespace that is not the one asked for', async () => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: default }\n'
  const { code, stderr } = await sluice('apply -n echo -f -', { stdin: text })
  assert.equal(code, 1)
  assert.match(stderr, /^standard input:1:1: Cannot apply the ConfigMap: its namespace "default" is not/)
})

test('a missing file and an empty directory are told apart', async () => {
  assert.match(
    (await sluice('apply -f none.yaml')).stderr,
    /^Cannot read "none.yaml": there is no such file or directory/,
  )
  assert.match((await sluice(`apply -f ${STORY}`)).stderr, /-R descends into directories/)
})

test('get prints the server’s table', async () => {
  const { code, stdout } = await sluice('get deploy -n echo')
  assert.equal(code, 0)
  assert.match(stdout, /^NAME {6}READY {3}UP-TO-DATE {3}AVAILABLE {3}AGE\necho-v1 {3}0\/1 {5}0 {12}0 {11}\d+s\n$/)
})

test('get all and get of several types name the type before each object', async () => {
  const all = await sluice('get all -n echo')
  assert.match(all.stdout, /^service\/echo /m)
  assert.match(all.stdout, /^deployment\.apps\/echo-v1 /m)
  const two = await sluice('get deploy,svc -A')
  assert.match(two.stdout, /^NAMESPACE {3}NAME/)
  assert.match(two.stdout, /\n\nNAMESPACE /)
})

test('types are known by plural, singular, short name, kind and group', async () => {
  for (const type of ['virtualservices', 'virtualservice', 'vs', 'VirtualService', 'virtualservices.gateway.solo.io']) {
    const { stdout } = await sluice(`get ${type} echo -n gloo-system -o name`)
    assert.equal(stdout, 'virtualservice.gateway.solo.io/echo\n', type)
  }
  const unknown = await sluice('get nonsense')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /Cannot find the type "nonsense".*It has: .*deployments/)
  const near = await sluice('get deploymnts')
  assert.match(near.stderr, /Cannot find the type "deploymnts".*Did you mean "deployments"\?/)
})

test('get -o yaml prints an object that apply takes back unchanged', async () => {
  const { stdout } = await sluice('get svc/echo -n echo -o yaml')
  assert.match(stdout, /^apiVersion: v1\nkind: Service\nmetadata:\n {2}annotations:\n/)
  assert.ok(!stdout.includes('managedFields'))
  assert.equal((await sluice('apply -f -', { stdin: stdout })).code, 0)
})

test('get -o json of several objects is a List', async () => {
  const { stdout } = await sluice('get ns default echo -o json')
  const list = JSON.parse(stdout) as { kind: string; items: { metadata: { name: string } }[] }
  assert.equal(list.kind, 'List')
  assert.deepEqual(
    list.items.map(({ metadata }) => metadata.name),
    ['default', 'echo'],
  )
})

test('what is not there is an error of the server, or nothing where that is allowed', async () => {
  const missing = await sluice('get pod none')
  assert.deepEqual([missing.code, missing.stderr], [1, 'Error from server (NotFound): pods "none" not found\n'])
  assert.deepEqual(await sluice('get pod none --ignore-not-found').then(({ code, stderr }) => [code, stderr]), [0, ''])
  const none = await sluice('get pods')
  assert.deepEqual([none.code, none.stdout, none.stderr], [0, '', 'No resources found in default namespace.\n'])
})

test('get -o jsonpath prints what a template finds: of one object, of a list, and with = as many write it', async () => {
  const run = (...args: string[]): Promise<CliRun> => runCli(['get', ...args], { cwd: api.directory })
  const names = '{range .items[*]}{.metadata.name}{"\\n"}{end}'
  assert.equal((await run('svc', '-n', 'echo', '-o', `jsonpath=${names}`)).stdout, 'echo\n')
  assert.equal((await run('svc', 'echo', '-n', 'echo', '-o=jsonpath={.spec.ports[0].port}')).stdout, '80')
  writeFileSync(join(api.directory, 'names.jsonpath'), names)
  assert.equal((await run('svc', '-n', 'echo', '-o', 'jsonpath-file=names.jsonpath')).stdout, 'echo\n')
  const asJson = await run('svc', '-n', 'echo', '-o', 'jsonpath-as-json={.items[*].metadata.name}')
  assert.deepEqual(JSON.parse(asJson.stdout), ['echo'])
})

test('get -o jsonpath says what is wrong with the template, in kubectl’s words', async () => {
  const run = (...args: string[]): Promise<CliRun> =>
    runCli(['get', 'svc', '-n', 'echo', '-o', ...args], { cwd: api.directory })
  const unread = await run('jsonpath={.items[')
  assert.deepEqual([unread.code, unread.stdout], [2, ''])
  assert.match(unread.stderr, /error parsing jsonpath \{\.items\[, unterminated array/)
  const unfit = await run('jsonpath={.items[7]}')
  assert.equal(unfit.code, 1)
  assert.match(unfit.stderr, /Error executing template: array index out of bounds: index 7, length 1/)
  assert.match((await run('jsonpath')).stderr, /template format specified but no template given/)
  assert.match((await run('jsonpat={.kind}')).stderr, /Allowed choices are wide, yaml, json, name, jsonpath=/)
})

test('get -o custom-columns prints the columns that were asked for', async () => {
  const { stdout } = await sluice(
    'get svc -n echo -o custom-columns=NAME:.metadata.name,PORTS:spec.ports[*].port,NO:.nope',
  )
  assert.equal(stdout, 'NAME   PORTS   NO\necho   80      <none>\n')
  const bare = await sluice('get svc echo -n echo --no-headers -o custom-columns=S:.spec.selector')
  assert.match(bare.stdout, /^map\[app:echo\]\n$/)
  const wrong = await sluice('get svc -n echo -o custom-columns=NAME')
  assert.match(wrong.stderr, /unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>/)
})

test('get -w goes on with the changes until it is told to end', async () => {
  const end = new AbortController()
  const { promise: seen, resolve: sawIt } = Promise.withResolvers<void>()
  let printed = ''
  const onOutput = (text: string): void => {
    printed += text
    if (/^settled /m.test(printed)) sawIt()
  }
  const { promise: started, resolve: hasStarted } = Promise.withResolvers<void>()
  const watching = sluice('get configmaps -w', {
    signal: end.signal,
    onOutput: (text) => {
      hasStarted()
      onOutput(text)
    },
  })
  await started
  await sluice('apply -f -', { stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settled }\n' })
  await seen
  end.abort()
  const { code } = await watching
  assert.equal(code, 0)
  assert.equal(printed.match(/^NAME/gm)?.length, 1)
})

test('delete names what it deleted and waits until it is gone', async () => {
  await sluice('apply -f -', { stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: gone, labels: { a: b } }\n' })
  const { code, stdout } = await sluice('delete configmap gone')
  assert.deepEqual([code, stdout], [0, 'configmap "gone" deleted\n'])
  const again = await sluice('delete configmap gone')
  assert.deepEqual([again.code, again.stderr], [1, 'Error from server (NotFound): configmaps "gone" not found\n'])
  assert.equal((await sluice('delete configmap gone --ignore-not-found')).code, 0)
})

test('delete by file and by label', async () => {
  const path = file('pair.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one, labels: { set: x } }\n')
  await sluice(`apply -f ${path}`)
  assert.equal((await sluice('delete configmaps -l set=x')).stdout, 'configmap "one" deleted\n')
  await sluice(`apply -f ${path}`)
  assert.equal((await sluice(`delete -f ${path}`)).stdout, 'configmap "one" deleted\n')
})

test('proxy url reads the published address of the gateway', async () => {
  const missing = await sluice('proxy url')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /Cannot tell the address of gateway "gateway-proxy": there is no Service/)
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'gateway-proxy', namespace: 'gloo-system' },
    spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 18_080 }] },
  }
  const path = '/api/v1/namespaces/gloo-system/services'
  const headers = { 'content-type': 'application/json' }
  await client.json(path, { method: 'POST', headers, body: service })
  const body = { status: { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } } }
  const patch = { 'content-type': 'application/merge-patch+json' }
  await client.json(`${path}/gateway-proxy/status`, { method: 'PATCH', headers: patch, body })
  assert.equal((await sluice('proxy url')).stdout, 'http://127.0.0.1:18080\n')
  assert.equal((await sluice('proxy address')).stdout, '127.0.0.1:18080\n')
})

test('status tells what is not well', async () => {
  const { stdout } = await sluice('status')
  assert.match(stdout, /^control {4}ok {4}https:\/\/127\.0\.0\.1:\d+, v1\.33\.0/)
  assert.match(stdout, /^routes {5}busy {2}2 on the way$/m)
  assert.match(stdout, /Deployment echo\/echo-v1: 0 of 1 pods ready/)
})

test('a release that is applied again is unchanged', async () => {
  const manifest = `${STORY}/../release/release-v3.yaml`
  await sluice(`apply -f ${manifest}`)
  assert.equal((await sluice(`apply -f ${manifest}`)).stdout, 'release.sluice.dev/echo-v3 unchanged\n')
})

test('a release is approved and aborted by annotations, and only while that makes sense', async () => {
  await sluice(`apply -f ${STORY}/../release/release-v3.yaml`)
  assert.match((await sluice('release get -n echo')).stdout, /^NAME {6}PHASE/)
  assert.match(
    (await sluice('release approve echo-v3 -n echo')).stderr,
    /no step waits for approval, its phase is Pending/,
  )
  const wrong = await sluice('release approve echo-v3 -n echo --step nope')
  assert.deepEqual([wrong.code, /has testers, ten-percent, half, all/.test(wrong.stderr)], [2, true])
  const approved = await sluice('release approve echo-v3 -n echo --step half')
  assert.equal(approved.stdout, 'release.sluice.dev/echo-v3 approved: step half\n')
  await sluice('release approve echo-v3 -n echo --step 2')
  await sluice('release approve echo-v3 -n echo --step half')
  const aborted = await sluice('release abort echo-v3 -n echo --reason odd')
  assert.equal(aborted.stdout, 'release.sluice.dev/echo-v3 aborted: odd\n')
  const { metadata } = (await client.json('/apis/sluice.dev/v1alpha1/namespaces/echo/releases/echo-v3')) as {
    metadata: { annotations: Record<string, string> }
  }
  assert.equal(metadata.annotations['sluice.dev/approve'], 'half,2')
  assert.equal(metadata.annotations['sluice.dev/abort'], 'odd')
  assert.match((await sluice('release status echo-v3')).stderr, /There is one in namespace "echo": add -n echo/)
  assert.match((await sluice('release status echo-v3 -n echo')).stdout, /^Release {4}echo\/echo-v3\nPhase {6}Pending\n/)
})

test('a release kept for inspection is told how to try again, and a plain approve does it too', async () => {
  await sluice(`apply -f ${STORY}/../release/release-v4.yaml`)
  const path = '/apis/sluice.dev/v1alpha1/namespaces/echo/releases/echo-v4'
  const since = '2026-01-01T00:00:00Z'
  const currentStep = { index: 1, total: 3, name: 'ten-percent', state: 'Failed', since, message: 'bad numbers' }
  const waitsForPerson = { reason: 'to approve (try again) or to abort', since }
  const headers = { 'content-type': 'application/merge-patch+json' }
  const body = { status: { phase: 'Paused', message: 'bad numbers', currentStep, waitsForPerson } }
  await client.json(`${path}/status`, { method: 'PATCH', headers, body })
  assert.match((await sluice('release why echo-v4 -n echo')).stdout, /go on: {4}sluice release retry echo-v4 -n echo/)
  const { stdout } = await sluice('release approve echo-v4 -n echo')
  assert.equal(stdout, 'release.sluice.dev/echo-v4 approved: step ten-percent\n')
})

test('the server’s version, resource types and names are known to version and completion', async () => {
  assert.match((await sluice('version')).stdout, /^Client Version: v1\.2\.3 .*\nServer Version: v1\.33\.0/)
  assert.match((await sluice('__complete -- get deploym')).stdout, /^deployments\n$/)
  assert.equal((await sluice('__complete -- -n echo get deploy echo')).stdout, 'echo-v1\n')
  assert.equal((await sluice('__complete -- -n gloo')).stdout, 'gloo-system\n')
})

test('a server that does not answer is one clear message', async () => {
  const path = file('dead.kubeconfig', readFileSync(api.kubeconfig, 'utf8').replaceAll(`:${api.port}`, ':1'))
  const { code, stderr } = await sluice(`get pods --kubeconfig ${path}`)
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^sluice: Cannot reach the API server at "https:\/\/127\.0\.0\.1:1": .*start it with "sluice up"/,
  )
  assert.equal(stderr.trim().split('\n').length, 1)
})

test('proxy -f - --check reads standard input, and a directory is refused with what is wanted', async () => {
  const wrong = await sluice('proxy -f - --check', { stdin: 'listners: []\n' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^-:1:1: .*listners/)
  const right = await sluice('proxy -f - --check', {
    stdin: readFileSync(resolve(STORY, '../../proxy/canary.yaml'), 'utf8'),
  })
  assert.deepEqual([right.code, right.stderr], [0, ''])
  const directory = await sluice(`proxy -f ${STORY}`)
  assert.equal(directory.code, 2)
  assert.match(directory.stderr, /it is a directory. Name one routing file in it/)
  assert.match((await sluice('proxy -f none.yaml --check')).stderr, /Cannot read "none.yaml": there is no such file/)
  assert.match((await sluice('proxy -f -')).stderr, /Cannot serve from standard input/)
})
