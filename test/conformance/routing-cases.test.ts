/** The table of routing cases before a live proxy: real sockets on both sides, in HTTP/1.1 and again in HTTP/2. */
import assert from 'node:assert/strict'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import { routingCases } from '../routing-cases.ts'
import type { CaseRequest, RoutingCase } from '../routing-cases.ts'
import { OUTSIDE } from '../routing-cases/sketch.ts'
import type { CASE_CLUSTERS, CaseCluster, Fields, Outcome } from '../routing-cases/sketch.ts'
import { http2Session, replyOf } from '../support/http2-client.ts'
import { RawClient, cluster, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'

/** What an endpoint says of the request that it got. */
interface Seen {
  readonly cluster: CaseCluster
  readonly line: string
  readonly fields: Readonly<Record<string, string>>
}

interface Reply {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
}

test('the live proxy does what the table of cases says', async (t) => {
  const { live, serve } = await startCases(t)
  for (const written of routingCases) {
    await t.test(written.name, async (subtest) => {
      const each = await serve(written)
      const client = new RawClient(subtest, live.port)
      judge(each, await (isTunnel(each) ? throughTunnel(client, each) : asked(client, each)))
    })
  }
})

/** HTTP/2 has no field `connection` and no request without a host. */
const inHttp2 = routingCases.filter(
  ({ request: { host, headers } }) => host !== '' && !headers.some(([name]) => name.toLowerCase() === 'connection'),
)

test('the live proxy does the same for a client of HTTP/2, all of it on one connection', async (t) => {
  const { live, serve } = await startCases(t)
  const session = http2Session(t, live.port)
  for (const written of inHttp2) {
    await t.test(written.name, async () => {
      const each = await serve(written)
      judge(each, await (isTunnel(each) ? throughStream(session, each) : askedInHttp2(session, each)))
    })
  }
})

interface Cases {
  readonly live: LiveProxy
  /** The case as it is to be asked. */
  readonly serve: (each: RoutingCase) => Promise<RoutingCase>
}

async function startCases(t: TestContext): Promise<Cases> {
  const clusters = await startClusters(t)
  const live = await startProxy(t, snapshotOf([], clusters))
  const outside = `127.0.0.1:${clusters[0]?.endpoints[0]?.port ?? 0}`
  return {
    live,
    serve: async (each) => {
      const { virtualHosts, unknownHost } = each
      const table = { id: 'table', virtualHosts, ...(unknownHost === undefined ? {} : { unknownHost }) }
      await live.apply({ ...snapshotOf([], clusters), routeTables: [table] })
      return { ...each, request: askingFor(outside, each.request) }
    },
  }
}

/** With a host that can be reached in the place of the one outside. */
function askingFor(outside: string, request: CaseRequest): CaseRequest {
  const placed = (text: string): string => text.replace(OUTSIDE, outside)
  const { seen } = request
  return {
    ...request,
    host: placed(request.host),
    target: placed(request.target),
    ...(seen?.host === undefined ? {} : { seen: { ...seen, host: placed(seen.host) } }),
  }
}

function isTunnel({ outcome }: RoutingCase): boolean {
  return outcome.kind === 'tunnel' || outcome.kind === 'outside-tunnel'
}

/** Every cluster of `CASE_CLUSTERS`. */
async function startClusters(t: TestContext): Promise<readonly Cluster[]> {
  const [v1, v2] = await Promise.all([startEndpoint(t, 'v1'), startEndpoint(t, 'v2')])
  const made: Readonly<Record<(typeof CASE_CLUSTERS)[number], Cluster>> = {
    v1: cluster('v1', [v1]),
    v2: cluster('v2', [v2]),
    empty: cluster('empty', []),
    'falls-back': cluster('falls-back', [], { fallback: 'v1' }),
    'falls-back-twice': cluster('falls-back-twice', [], { fallback: 'falls-back' }),
    'falls-in-a-circle': cluster('falls-in-a-circle', [], { fallback: 'falls-in-a-circle' }),
  }
  return Object.values(made)
}

async function startEndpoint(t: TestContext, name: CaseCluster): Promise<number> {
  const backend = await startBackend(t, ({ method, url, headersDistinct }, response) => {
    const fields = Object.entries(headersDistinct).map(([key, values = []]) => [key, values.join(', ')] as const)
    const seen: Seen = { cluster: name, line: `${method} ${url}`, fields: Object.fromEntries(fields) }
    // In a field, because HEAD has no body.
    response.setHeader('x-seen', encodeURIComponent(JSON.stringify(seen)))
    response.setHeader('x-cluster', name)
    response.end()
  })
  return backend.port
}

function asked(client: RawClient, { request: { method, target, host, headers } }: RoutingCase): Promise<Reply> {
  const fields = headers.map(([name, value]) => `${name}: ${value}`)
  const wants = headers.some(([name]) => name.toLowerCase() === 'connection') ? [] : ['Connection: close']
  client.send(utf8([`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields, ...wants].join('\r\n')))
  client.send('\r\n\r\n')
  return reply(client, wants.length > 0)
}

/** Asks the endpoint at the other end of the tunnel. */
async function throughTunnel(client: RawClient, { request: { target, host } }: RoutingCase): Promise<Reply> {
  client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  assert.match(await client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\n\r\n$/)
  client.clear()
  client.send('GET /inside HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n')
  return reply(client, true)
}

async function askedInHttp2(
  session: ClientHttp2Session,
  { request: { method, target, host, headers, seen } }: RoutingCase,
): Promise<Reply> {
  const path = seen === undefined ? target : `${seen.path}${seen.query === undefined ? '' : `?${seen.query}`}`
  const fields: Record<string, string[]> = {}
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    fields[key] = [...(fields[key] ?? []), utf8(value)]
  }
  const pseudo = { ':method': method, ':authority': seen?.host ?? host }
  const list = { ...pseudo, ...(method === 'CONNECT' ? {} : { ':path': path }), ...fields }
  return http2Reply(session.request(list, { endStream: true }))
}

/** Asks the endpoint at the other end of the tunnel, in HTTP/1.1. */
async function throughStream(session: ClientHttp2Session, { request: { target } }: RoutingCase): Promise<Reply> {
  const stream = session.request({ ':method': 'CONNECT', ':authority': target })
  stream.end('GET /inside HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n')
  const { status, body } = await replyOf(stream)
  assert.equal(status, 200)
  return replyIn(body)
}

async function http2Reply(stream: ClientHttp2Stream): Promise<Reply> {
  const { status, headers, body, code } = await replyOf(stream)
  assert.equal(code, 0)
  const fields = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  return { status, fields: Object.fromEntries(fields), body }
}

async function reply(client: RawClient, isLast: boolean): Promise<Reply> {
  const text = await (isLast ? client.untilClosed() : client.until((received) => received.includes('\r\n\r\n')))
  return replyIn(text)
}

function replyIn(text: string): Reply {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [line = '', ...lines] = head.split('\r\n')
  const fields = lines.map((field) => field.split(/: (.*)/).slice(0, 2))
  return {
    status: Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(line)?.[1]),
    fields: Object.fromEntries(fields.map(([name = '', value]) => [name.toLowerCase(), value])) as Reply['fields'],
    body: Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString(),
  }
}

function judge({ request, outcome }: RoutingCase, { status, fields, body }: Reply): void {
  if (outcome.kind === 'answer') {
    return judgeAnswer(request.method === 'CONNECT' ? { ...outcome, fields: {} } : outcome, { status, fields, body })
  }
  assert.equal(status, 200)
  const seen = JSON.parse(decodeURIComponent(fields['x-seen'] ?? 'null')) as Seen | null
  assert.equal(seen?.cluster, 'cluster' in outcome ? outcome.cluster : 'v1')
  if (outcome.kind === 'tunnel' || outcome.kind === 'outside-tunnel') return assert.equal(seen.line, 'GET /inside')
  if (outcome.line !== undefined) assert.equal(seen.line, outcome.line)
  if (outcome.kind === 'outside') return assert.equal(seen.fields['host'], request.seen?.host ?? request.host)
  hasFields(seen.fields, outcome.fields)
  hasFields(fields, outcome.responseFields)
}

function judgeAnswer(wanted: Extract<Outcome, { kind: 'answer' }>, { status, fields, body }: Reply): void {
  assert.equal(status, wanted.status)
  assert.equal(fields['x-seen'], undefined, 'no endpoint was asked')
  hasFields(fields, wanted.fields)
  if (wanted.body !== undefined) assert.equal(body, wanted.body)
}

function hasFields(fields: Readonly<Record<string, string>>, wanted: Fields = {}): void {
  for (const [name, value] of Object.entries(wanted)) assert.equal(fields[name] ?? null, value, name)
}

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}
