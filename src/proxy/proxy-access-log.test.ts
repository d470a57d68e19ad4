import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  cluster,
  echoing,
  eventually,
  fetchFrom,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../../test/support/live-proxy.ts'
import type { LiveProxy } from '../../test/support/live-proxy.ts'
import { ACCESS_LOG_TEMPLATE } from '../routing/access-log.ts'
import type { AccessLog, RoutingSnapshot } from '../routing/model.ts'

/** A log of its own, which is read once `count` entries are in it. */
function logOf(t: TestContext): { path: string; entries(count: number): Promise<readonly string[]> } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-access-'))
  const path = join(folder, 'access.log')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const read = (): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])
  return {
    path,
    async entries(count) {
      await eventually(() => read().length >= count)
      return read()
    },
  }
}

function logging(snapshot: RoutingSnapshot, path: string, template: string): RoutingSnapshot {
  const accessLog: AccessLog = { path, format: { kind: 'text', template } }
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http: { accessLog } })) }
}

async function serving(t: TestContext, snapshot: RoutingSnapshot, template: string) {
  const log = logOf(t)
  const live: LiveProxy = await startProxy(t, logging(snapshot, log.path, template))
  return { ...log, ...live }
}

test('each request is a line in Envoy’s form', async (t) => {
  const backend = await startBackend(t, echoing)
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { port, entries } = await serving(t, snapshot, ACCESS_LOG_TEMPLATE)
  const headers = { host: 'echo.example.com', 'user-agent': 'a"b', 'x-request-id': 'id-1' }
  await fetchFrom(port, { method: 'POST', path: '/a?b=c', headers, body: 'hello' })
  const [line = ''] = await entries(1)
  assert.match(line, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "POST \/a\?b=c HTTP\/1\.1" 200 - 5 5 \d+ \d+ /)
  assert.ok(line.endsWith(` "127.0.0.1" "a\\"b" "id-1" "echo.example.com" "127.0.0.1:${backend.port}"`), line)
})

test('what went wrong stands in the line', async (t) => {
  const gone = await startBackend(t, saying('never'))
  await gone.close()
  const routes = [
    route('closed', { v1: 1 }, { match: { path: { kind: 'prefix', value: '/closed', caseSensitive: true } } }),
    route('empty', { v2: 1 }, { match: { path: { kind: 'prefix', value: '/empty', caseSensitive: true } } }),
  ]
  const snapshot = snapshotOf(routes, [cluster('v1', [gone.port]), cluster('v2', [])])
  const template =
    '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% ' +
    '%UPSTREAM_HOST% %ROUTE_NAME% %UPSTREAM_REQUEST_ATTEMPT_COUNT%'
  const { port, entries } = await serving(t, snapshot, template)
  for (const path of ['/closed', '/empty', '/other']) await fetchFrom(port, { path })
  const failed = 'upstream_reset_before_response_started{connection_failure}'
  assert.deepEqual(await entries(3), [
    `/closed 503 UF ${failed} v1 127.0.0.1:${gone.port} closed 1`,
    '/empty 503 UH no_healthy_upstream v2 - empty 0',
    '/other 404 NR route_not_found - - - 0',
  ])
})
