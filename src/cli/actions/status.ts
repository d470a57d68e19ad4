/** `sluice status`: what the API says about every part, at one glance. 1 when a part is not well. */
import { connect as connectTo } from 'node:net'
import { messageOf } from '../../base/errors.ts'
import { isReason } from '../../kube/api-error.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import type { ResourceType } from '../../kube/object.ts'
import { connect } from '../api/connect.ts'
import type { Call } from '../command.ts'
import type { StatusOptions } from '../options.ts'
import {
  judgePods,
  judgeReleases,
  judgeRoutes,
  judgeWorkloads,
  type PartStatus,
  type StatusObject,
  statusLines,
  worst,
} from '../status/judge.ts'
import { gatewayAddress } from './proxy.ts'

/** The gateway is on this machine, or near. */
const CONNECT_TIMEOUT_MS = 2_000

export async function status({ options, deps }: Call<StatusOptions>): Promise<number> {
  await using session = await connect(options, deps)
  const { client } = session
  const [control, gateway, routes, workloads, pods, releases] = await Promise.all([
    judgeControl(client),
    judgeGateway(client),
    Promise.all([list(client, VIRTUAL_SERVICES), list(client, UPSTREAMS)]).then((all) => judgeRoutes(all.flat())),
    list(client, DEPLOYMENTS).then(judgeWorkloads),
    list(client, PODS).then(judgePods),
    list(client, RELEASES).then(judgeReleases),
  ])
  const parts = [control, gateway, routes, workloads, pods, releases]
  const health = worst(parts.map((part) => part.health))
  if (options.output === 'json') deps.stdout.write(`${JSON.stringify({ health, parts }, null, 2)}\n`)
  else deps.stdout.write(`${statusLines(parts).join('\n')}\n`)
  return health === 'bad' ? 1 : 0
}

async function judgeControl(client: HttpClient): Promise<PartStatus> {
  const { gitVersion = 'unknown' } = (await client.json('/version')) as { readonly gitVersion?: string }
  const answer = await client.request('/readyz?verbose')
  answer.body.resume()
  const isReady = answer.status === 200
  const summary = `${client.server}, ${gitVersion}${isReady ? '' : `, not ready: /readyz answers ${answer.status}`}`
  return { part: 'control', health: isReady ? 'ok' : 'bad', summary, details: [] }
}

async function judgeGateway(client: HttpClient): Promise<PartStatus> {
  try {
    const { host, port } = await gatewayAddress(client)
    const trouble = await tryToConnect(host, port)
    const summary = `http://${host}:${port}${trouble === undefined ? '' : ` does not accept connections: ${trouble}`}`
    return { part: 'gateway', health: trouble === undefined ? 'ok' : 'bad', summary, details: [] }
  } catch (error) {
    return { part: 'gateway', health: 'bad', summary: messageOf(error), details: [] }
  }
}

/** Why nothing answers there; undefined when something does. */
function tryToConnect(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connectTo({ host, port })
    const end = (trouble?: string): void => {
      socket.destroy()
      resolve(trouble)
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => end('no answer'))
    socket.once('connect', () => end())
    socket.once('error', (error) => end(error.message))
  })
}

/** A kind that the server does not have counts as no objects: a plain cluster has neither Gloo nor Sluice. */
async function list(client: HttpClient, type: ResourceType<StatusObject>): Promise<readonly StatusObject[]> {
  try {
    return (await client.list(type)).items
  } catch (error) {
    if (isReason(error, 'NotFound')) return []
    throw error
  }
}

function typeOf(group: string, version: string, kind: string, plural: string): ResourceType<StatusObject> {
  return { group, version, kind, plural, namespaced: true }
}

const VIRTUAL_SERVICES = typeOf('gateway.solo.io', 'v1', 'VirtualService', 'virtualservices')
const UPSTREAMS = typeOf('gloo.solo.io', 'v1', 'Upstream', 'upstreams')
const DEPLOYMENTS = typeOf('apps', 'v1', 'Deployment', 'deployments')
const PODS = typeOf('', 'v1', 'Pod', 'pods')
const RELEASES = typeOf('sluice.dev', 'v1alpha1', 'Release', 'releases')
