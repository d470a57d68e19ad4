/** Access logs of processes, as users run them. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { fetchFrom, readBody, saying, startBackend } from '../support/live-proxy.ts'
import { startLoneProxy } from '../support/lone-proxy.ts'
import { startSluice } from '../support/sluice.ts'

const routing = (port: number, accessLog: string): string => `
listeners: [{ port: 0, http: { accessLog: ${accessLog} } }]
routeTables: [{ virtualHosts: [{ routes: [{ action: { destinations: [{ cluster: all }] } }] }] }]
clusters: [{ name: all, endpoints: ['127.0.0.1:${port}'] }]
`

test('workers share a file, and all that was served is in it when they have ended', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const folder = mkdtempSync(join(tmpdir(), 'sluice-telling-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'access.log')
  const accessLog = `{ path: ${path}, format: { kind: json, fields: { path: '%REQ(:PATH)%', code: '%RESPONSE_CODE%' } } }`
  const text = routing(backend.port, accessLog)
  const sluice = await startLoneProxy(t, { text, flags: ['--workers', '2'] })
  const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
  await Promise.all(paths.map((each) => fetchFrom(sluice.port, { path: each })))
  await fetchFrom(sluice.adminPort, { path: '/drain', method: 'POST' })
  assert.equal(await sluice.ended, 0)
  const entries = readFileSync(path, 'utf8').trim().split('\n')
  const told = entries.map((entry): unknown => JSON.parse(entry))
  assert.deepEqual(
    told.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b), 'en', { numeric: true })),
    paths.map((each) => ({ path: each, code: 200 })),
  )
})

test('a log on standard output comes behind the line that says that all is ready', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const accessLog = "{ format: { kind: text, template: 'told %REQ(:PATH)%' } }"
  const sluice = await startLoneProxy(t, { text: routing(backend.port, accessLog) })
  await fetchFrom(sluice.port, { path: '/a' })
  await sluice.untilPrinted('told /a\n')
  await fetchFrom(sluice.adminPort, { path: '/drain', method: 'POST' })
  assert.equal(await sluice.ended, 0)
})

test('--check tells a mistake in a template at its place', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-telling-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const text = routing(1, "{ format: { kind: text, template: '%NO_SUCH%' } }")
  writeFileSync(join(folder, 'routing.yaml'), text)
  const { code, stderr } = await runCli(['proxy', '-f', 'routing.yaml', '--check'], { cwd: folder })
  assert.equal(code, 1)
  assert.match(stderr, /:2:\d+: listeners\[0\]\.http\.accessLog\.format\.template: .*there is no operator %NO_SUCH%/)
})

test('sluice up writes a line for each request of its gateway, and sends its span', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-telling-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'access.log')
  const posts: string[] = []
  const collector = await startBackend(t, (request, response) => {
    void readBody(request).then((body) => posts.push(`${request.url} ${body}`) && response.end())
  })
  const traces = ['--trace-to', `http://127.0.0.1:${collector.port}/v1/traces`, '--trace-sampling', '1']
  const sluice = await startSluice(t, { flags: ['--access-log', path, ...traces] })
  const reply = await fetch(`${sluice.ready.gateway}/nowhere`, { headers: { 'x-request-id': 'id-1' } })
  assert.equal(reply.status, 404)
  await sluice.stop()
  assert.match(readFileSync(path, 'utf8'), /^\[[^\]]+\] "GET \/nowhere HTTP\/1\.1" 404 NR 0 \d+ .* "id-1" /)
  assert.equal(posts.length, 1)
  assert.match(posts[0] ?? '', /^\/v1\/traces .*"sluice-gateway".*"guid:x-request-id","value":\{"stringValue":"id-1"\}/)
})
