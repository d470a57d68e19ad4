/** From what the API says to one line per part: is it well, and if not, what is wrong. Pure. */
import type { Condition, KubeObject } from '../../kube/object.ts'
import { wordsOf } from '../release/report.ts'

export type Health = 'ok' | 'busy' | 'bad'

export interface PartStatus {
  readonly part: string
  readonly health: Health
  readonly summary: string
  /** What a person wants to know beyond the summary: one line per object that is not well. */
  readonly details: readonly string[]
}

/** An object with the status fields that are judged here. */
export interface StatusObject extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly [field: string]: unknown }
  readonly status?: {
    readonly phase?: string
    readonly message?: string
    readonly readyReplicas?: number
    readonly updatedReplicas?: number
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly {
      readonly ready?: boolean
      readonly restartCount?: number
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } }
    }[]
  }
}

/** VirtualServices and Upstreams: live is what every proxy has acknowledged in its present generation. */
export function judgeRoutes(routes: readonly StatusObject[]): PartStatus {
  const states = routes.map((route) => ({ name: nameOf(route), ...routeState(route) }))
  const bad = states.filter(({ health }) => health === 'bad')
  const busy = states.filter(({ health }) => health === 'busy')
  return {
    part: 'routes',
    health: worst(states.map(({ health }) => health)),
    summary: counted([
      [states.length - bad.length - busy.length, 'live'],
      [busy.length, 'on the way'],
      [bad.length, 'refused'],
    ]),
    details: [
      ...[...bad, ...busy].map(({ name, why }) => `${name}: ${why}`),
      ...routes.flatMap((route) => warningOf(route).map((warning) => `${nameOf(route)}: warning: ${warning}`)),
    ],
  }
}

/** What is accepted, but not in every detail. */
function warningOf({ status }: StatusObject): readonly string[] {
  const accepted = status?.conditions?.find(({ type }) => type === 'Accepted')
  return accepted?.status === 'True' && accepted.reason === 'AcceptedWithWarnings' ? [accepted.message] : []
}

function routeState({ metadata, status }: StatusObject): { readonly health: Health; readonly why: string } {
  const condition = (type: string): Condition | undefined => status?.conditions?.find((each) => each.type === type)
  const accepted = condition('Accepted')
  if (accepted?.status === 'False') return { health: 'bad', why: `${accepted.reason}: ${accepted.message}` }
  const programmed = condition('Programmed')
  const current = (programmed?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  if (programmed?.status === 'True' && current) return { health: 'ok', why: 'live' }
  if (programmed === undefined || !current) return { health: 'busy', why: 'not yet acknowledged by every proxy' }
  const health = programmed.status === 'False' && programmed.reason !== 'Pending' ? 'bad' : 'busy'
  return { health, why: `${programmed.reason}: ${programmed.message}` }
}

export function judgeWorkloads(deployments: readonly StatusObject[]): PartStatus {
  const states = deployments.map((deployment) => {
    const wanted = deployment.spec?.replicas ?? 1
    const ready = deployment.status?.readyReplicas ?? 0
    return { name: nameOf(deployment), wanted, ready, isReady: ready >= wanted }
  })
  const missing = states.filter(({ isReady }) => !isReady)
  return {
    part: 'workloads',
    health: missing.length === 0 ? 'ok' : 'busy',
    summary: `${states.length - missing.length} of ${states.length} deployments ready`,
    details: missing.map(({ name, ready, wanted }) => `${name}: ${ready} of ${wanted} pods ready`),
  }
}

export function judgePods(pods: readonly StatusObject[]): PartStatus {
  const failing = pods.flatMap((pod) => {
    const waiting = pod.status?.containerStatuses?.find(({ state }) => FAILING.has(state?.waiting?.reason ?? ''))?.state
      ?.waiting
    return waiting === undefined
      ? []
      : [`${nameOf(pod)}: ${waiting.reason ?? ''}${waiting.message === undefined ? '' : `: ${waiting.message}`}`]
  })
  const ready = pods.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  )
  return {
    part: 'pods',
    health: failing.length > 0 ? 'bad' : 'ok',
    summary: `${ready.length} of ${pods.length} ready`,
    details: failing,
  }
}

/** What does not go away by waiting. */
const FAILING = new Set([
  'CrashLoopBackOff',
  'ErrImagePull',
  'ImagePullBackOff',
  'CreateContainerConfigError',
  'RunContainerError',
])

export function judgeReleases(releases: readonly StatusObject[]): PartStatus {
  const phases = Map.groupBy(releases, ({ status }) => status?.phase ?? 'Pending')
  const running = releases.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'RolledBack')
  return {
    part: 'releases',
    health: running.length > 0 ? 'busy' : 'ok',
    summary: counted([...phases].map(([phase, all]) => [all.length, wordsOf(phase)])),
    details: running.map(
      (release) => `${nameOf(release)}: ${release.status?.phase ?? 'Pending'}: ${release.status?.message ?? ''}`,
    ),
  }
}

export function worst(healths: readonly Health[]): Health {
  if (healths.includes('bad')) return 'bad'
  return healths.includes('busy') ? 'busy' : 'ok'
}

/** The lines that a person reads. */
export function statusLines(parts: readonly PartStatus[]): readonly string[] {
  return parts.flatMap(({ part, health, summary, details }) => [
    `${part.padEnd(10)} ${health.padEnd(5)} ${summary}`,
    ...details.map((detail) => `${' '.repeat(17)}${detail}`),
  ])
}

function counted(counts: readonly (readonly [count: number, what: string])[]): string {
  const present = counts.filter(([count]) => count > 0)
  return present.length === 0 ? 'none' : present.map(([count, what]) => `${count} ${what}`).join(', ')
}

function nameOf({ kind, metadata }: StatusObject): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`
}
