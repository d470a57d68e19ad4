/** `sluice explain` against what really runs: a whole Sluice, a data plane alone, and a file. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { parse } from 'yaml'
import type { Explanation } from '../../src/routing/explanation.ts'
import { testAuthority } from '../support/certificates.ts'
import { runCli } from '../support/cli.ts'
import type { CliRun, CliSurroundings } from '../support/cli.ts'
import { fetchFrom, refusePort, saying, startBackend } from '../support/live-proxy.ts'
import { startLoneProxy } from '../support/lone-proxy.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import { lines, sluiceTeller } from '../support/sluice-teller.ts'

const STORY = resolve(import.meta.dirname, '../../examples/stories/gloo-two-phase')
const TOKEN = 'a token of my own'

async function explain(args: readonly string[], surroundings: CliSurroundings = {}): Promise<string> {
  const { code, stdout, stderr } = await runCli(['explain', ...args], surroundings)
  assert.equal(code, 0, stderr)
  return stdout
}

async function refused(args: readonly string[], surroundings: CliSurroundings = {}): Promise<CliRun> {
  const answer = await runCli(['explain', ...args], surroundings)
  assert.notEqual(answer.code, 0, answer.stdout)
  assert.equal(answer.stdout, '')
  return answer
}

function pattern(...parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join('[^]*'))
}

test('a whole Sluice explains its routes, and a live request says the same', async (t) => {
  const sluice = await startSluice(t)
  const teller = await sluiceTeller(sluice)
  lines(await run(sluiceCommand(sluice, 'apply', '-f', join(STORY, '1-setup'))))
  await teller.apply(join(STORY, '2-initial-subset-routing-to-v2/echo-v2.yaml'))
  await teller.apply(join(STORY, '2-initial-subset-routing-to-v2/vs-2.yaml'))
  await teller.untilAvailable('echo-v1')
  await teller.untilAvailable('echo-v2')
  await teller.untilProgrammed()
  const ask = ['--kubeconfig', sluice.ready.kubeconfig, 'http://echo.example.com/api?x=1']

  const text = await explain(ask)
  assert.match(
    text,
    pattern(
      /^Request {6}GET http:\/\/echo\.example\.com\/api\?x=1\nListener {5}gateway-http, http 127\.0\.0\.1:\d+: the only one\n/,
      /Snapshot {5}\d+, served\nHost {9}gloo-system\/echo by its domain \*: /,
      /Routes {7}1 {2}passed {2}virtualservice\.gateway\.solo\.io\/gloo-system\/echo, generation 2, rule 0, match 0\n/,
      /header stage: wanted exact "canary", the request has none\n/,
      /2 {2}taken {3}virtualservice\.gateway\.solo\.io\/gloo-system\/echo, generation 2, rule 1, match 0\n/,
      /Destination {2}there is no other\n/,
      /→ {3}100 % {2}.*\n {26}service echo\/echo:80 version=v1\n/,
      /127\.\d+\.\d+\.\d+:8080 {2}ready {2}echo-v1-/,
    ),
  )

  const canary = JSON.parse(await explain([...ask, '-H', 'stage: canary', '-o', 'json', '--live'])) as Explanation & {
    live: Record<string, unknown>
  }
  assert.equal(canary.taken?.origin.rule, 0)
  assert.ok(canary.answer.kind === 'forward')
  const [destination] = canary.answer.destinations
  assert.ok(destination?.kind === 'cluster')
  const { status, route, endpoint, destination: reached } = canary.live
  assert.deepEqual([status, route, reached], [200, canary.taken?.route, destination.cluster])
  assert.equal(endpoint, destination.endpoints[0]?.endpoint)

  assert.match(
    await explain([...ask, '--live']),
    /Live {9}status 200 from 127\.0\.0\.1:\d+\n {13}route {8}gloo-system\/echo/,
  )
  assert.equal(statSync(join(sluice.dataDir, 'debug.token')).mode & 0o777, 0o600)
  const stranger = await fetchFrom(Number(new URL(sluice.ready.gateway).port), {
    headers: { 'x-sluice-debug': 'guess' },
  })
  assert.equal('x-sluice-route' in stranger.headers, false)

  const raw = await run(sluiceCommand(sluice, 'explain', '--listener', 'none', 'a.test/'))
  assert.equal(raw.code, 1)
  assert.match(
    raw.stderr,
    /^sluice: Cannot explain "a\.test\/": there is no listener "none"; there are: gateway-http\n$/,
  )
})

function routing(port: number): string {
  return `
listeners: [{ id: gateway, port: 0, http: { debugTokenHash: ${createHash('sha256').update(TOKEN).digest('hex')} } }]
routeTables:
  - virtualHosts:
      - name: all
        domains: ['*']
        routes:
          - match: { path: /hello }
            action: { kind: respond, status: 200, body: hello }
          - id: rest
            action: { destinations: [{ cluster: v1 }] }
            policy: { rewrite: { authority: inside } }
clusters: [{ name: v1, endpoints: ['127.0.0.1:${port}'] }]
`
}

test('a data plane alone explains at its admin port, and to whoever has the token', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--workers', '2'] })
  const admin = ['--admin', `http://127.0.0.1:${sluice.adminPort}`]
  const text = await explain([...admin, '-X', 'POST', '/x?y', '-H', 'Host: a.test'])
  assert.match(text, new RegExp(`gateway, http 127\\.0\\.0\\.1:${sluice.port}: the only one\n`))
  assert.match(text, /Snapshot {5}1, served by all 2 proxies\n/)
  assert.match(text, /rewrite-authority {2}a\.test becomes inside\nForwarded {4}POST \/x\?y, host inside\n/)
  assert.match(text, new RegExp(`127\\.0\\.0\\.1:${backend.port} {2}ready\n`))

  const env = { SLUICE_DEBUG_TOKEN: TOKEN }
  const live = await explain([...admin, '--live', 'a.test/x'], { env })
  assert.match(live, /Live {9}status 200 from .*\n {13}route {8}rest\n/)
  assert.match(live, new RegExp(`endpoint {5}127\\.0\\.0\\.1:${backend.port}\n`))
  assert.match(await explain([...admin, '--live', 'a.test/hello'], { env }), /destination {2}respond\n/)
  assert.match(
    await explain([...admin, '--live', 'a.test/x'], { env: { SLUICE_DEBUG_TOKEN: 'wrong' } }),
    /Live {9}status 200 from .*\n {13}the proxy does not say what it did/,
  )
  const without = await refused([...admin, '--live', 'a.test/x'])
  assert.match(
    without.stderr,
    /the proxy tells its decision only to who has the token\. Put its SHA-256 into "debugTokenHash"/,
  )
})

test('a live request goes to an https listener too, whoever signed its certificate', async (t) => {
  const { certificate, privateKey } = await (await testAuthority()).issue('a.test')
  const backend = await startBackend(t, saying('v1'))
  const text = routing(backend.port).replace(
    'port: 0,',
    `port: 0, protocol: https, tls: { certificates: [${JSON.stringify({ certificate, privateKey })}] },`,
  )
  const sluice = await startLoneProxy(t, { text })
  const args = ['--admin', `127.0.0.1:${sluice.adminPort}`, '--live', 'https://a.test/x', '-H', 'stage: café']
  const live = await explain(args, { env: { SLUICE_DEBUG_TOKEN: TOKEN } })
  assert.match(live, /Listener {5}gateway, https [^]*Live {9}status 200 from .*\n {13}route {8}rest\n/)
})

test('where no data plane answers, that is said', async (t) => {
  const gone = refusePort(t)
  const { stderr } = await refused(['--admin', `127.0.0.1:${gone.port}`, 'a.test/'])
  assert.match(
    stderr,
    /Cannot ask the admin port "http:\/\/127\.0\.0\.1:\d+": .*ECONNREFUSED.*; is "sluice proxy -f" running there\?/,
  )
  const other = await startBackend(t, (_request, response) => response.writeHead(404).end())
  const answer = await refused(['--admin', `http://127.0.0.1:${other.port}`, 'a.test/'])
  assert.match(answer.stderr, /it answers 404; is it one of this release\?/)
})

function folderWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-explain-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'routing.yaml'), text)
  return folder
}

test('a file explains without anything that runs', async (t) => {
  const cwd = folderWith(t, routing(9_001))
  assert.match(
    await explain(['-f', 'routing.yaml', 'a.test/hello'], { cwd }),
    /Answer {7}200, the proxy’s own\n {13}hello\n/,
  )
  const yaml = parse(await explain(['-f', 'routing.yaml', 'a.test/hello', '-o', 'yaml'], { cwd })) as Explanation
  const json = JSON.parse(await explain(['-f', 'routing.yaml', 'a.test/hello', '-o', 'json'], { cwd })) as Explanation
  assert.deepEqual(yaml, json)
  assert.deepEqual(json.answer, { kind: 'respond', status: 200, headers: [], body: 'hello' })
})

test('what cannot be asked is a usage error, with what to do', async (t) => {
  const cwd = folderWith(t, routing(9_001))
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /missing required argument 'url'/],
    [['-f', 'routing.yaml', '/x'], /names no host; write it in the URL, or add -H 'Host: example\.com'/],
    [['-f', 'routing.yaml', 'a.test/', '-H', 'stage'], /Cannot send the header "stage": write it as -H "Name: value"/],
    [['-f', 'routing.yaml', 'a.test/', '--live'], /Cannot send a request to a file/],
    [['-f', 'routing.yaml', '--admin', '127.0.0.1:1', 'a.test/'], /leave -f or --admin out/],
    [['--admin', 'https://a.test', 'a.test/'], /write it as http:\/\/127\.0\.0\.1:15000/],
    [['-o', 'text', 'a.test/'], /Allowed choices are json, yaml/],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = await refused(args, { cwd })
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
})

test('a file with a mistake is not explained by, and the mistake is told at its place', async (t) => {
  const cwd = folderWith(t, routing(9_001).replace('respond', 'response'))
  const { code, stderr } = await refused(['-f', 'routing.yaml', 'a.test/'], { cwd })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^routing\.yaml:9:\d+: .*did you mean "respond"\?\n.*Cannot explain by "routing\.yaml": it has mistakes/s,
  )
})
