/** Releases, Upstreams and VirtualServices as `describe` shows them. Pure. */
import type { Destination, Route, Upstream, VirtualService } from '../gloo-objects.ts'
import type { Release } from '../../kinds/release.ts'
import type { Condition } from '../../kube/object.ts'
import { analysisLines, fateOf, trafficLines } from '../release/report.ts'
import { gateText } from '../release/why.ts'
import { conditionFields, type Field, pairsOf } from './fields.ts'

export function releaseFields({ spec, status }: Release): readonly Field[] {
  const step = status?.currentStep
  return [
    ['Phase', status?.phase ?? 'Pending'],
    ['Message', status?.message ?? 'the controller has not looked at it yet'],
    ...(step === undefined ? [] : [['Step', `${step.index} of ${step.total}, ${step.name}: ${step.message}`] as const]),
    ...reportFields([...trafficLines(status), ...analysisLines(status)]),
    [
      'Targets',
      {
        table: [
          ['Name', 'Stable', 'Canary', 'Routes'],
          ...spec.targets.map(({ name, stable, canary, routes }) => [
            name,
            `${stable.kind}/${stable.name}`,
            `${canary.kind}/${canary.name}`,
            routes.map((route) => `${route.kind}/${route.name}`).join(', '),
          ]),
        ],
      },
    ],
    ['Steps', { table: [['Name', 'Weight', 'Matches', 'Gates', 'State'], ...spec.steps.map(stepRow(status))] }],
    ...conditionFields(status?.conditions),
  ]
}

/** The lines of the report are `Traffic    stable 90 %, …`; one without a word in front goes on with the one above. */
function reportFields(lines: readonly string[]): readonly Field[] {
  return lines.map((line) => {
    const [, name = '', text = ''] = /^(\w*) +(.*)$/.exec(line) ?? []
    return [name === '' ? 'Because' : name, text]
  })
}

function stepRow(
  status: Release['status'],
): (step: Release['spec']['steps'][number], index: number) => readonly string[] {
  return ({ name = '', weight, matches, gates = [] }, index) => {
    const called = name === '' ? `step-${index + 1}` : name
    const past = status?.steps?.findLast((each) => each.name === called)
    return [
      called,
      weight === undefined ? '' : `${weight}`,
      matches === undefined ? '' : `${matches.length}`,
      gates.map(gateText).join('; '),
      past === undefined ? '' : fateOf(past),
    ]
  }
}

/** `served` are the endpoints that the Upstream has, in words. */
export function upstreamFields({ spec = {}, status }: Upstream, served: readonly string[]): readonly Field[] {
  const { kube, static: fixed } = spec
  const keys = (kube?.subsetSpec?.selectors ?? []).map((selector) => (selector.keys ?? []).join(', '))
  const service: readonly Field[] =
    kube === undefined
      ? []
      : [
          ['Service', `${kube.serviceNamespace ?? ''}/${kube.serviceName ?? ''}:${kube.servicePort ?? ''}`],
          ['Subsets by', keys],
        ]
  const hosts = (fixed?.hosts ?? []).map(({ addr = '', port = 0 }) => `${addr}:${port}`)
  return [
    ...service,
    ...(fixed === undefined ? [] : [['Hosts', hosts] as const]),
    ...(kube === undefined ? [] : [['Endpoints', served] as const]),
    ...conditionFields(conditionsOf(status)),
  ]
}

/** `served` are the endpoints of each Upstream that the routes name. */
export function virtualServiceFields({ spec, status }: VirtualService, served: readonly Field[]): readonly Field[] {
  const routes = spec?.virtualHost?.routes ?? []
  return [
    ['Domains', spec?.virtualHost?.domains ?? ['*']],
    ['Routes', { table: [['#', 'Matches', 'To'], ...routes.map(routeRow)] }],
    ...(served.length === 0 ? [] : [['Endpoints', { fields: served }] as const]),
    ...conditionFields(conditionsOf(status)),
  ]
}

function routeRow({ matchers = [], ...actions }: Route, index: number): readonly string[] {
  const matches = matchers.map(({ prefix, exact, regex, headers = [], methods = [] }) =>
    [
      ...(methods.length === 0 ? [] : [methods.join(',')]),
      exact ?? (regex === undefined ? `${prefix ?? '/'}*` : `~${regex}`),
      ...headers.map(({ name = '', value = '' }) => `${name}: ${value}`),
    ].join(' '),
  )
  return [String(index), matches.length === 0 ? '/*' : matches.join(' or '), targetText(actions)]
}

function targetText({ routeAction, redirectAction, directResponseAction }: Omit<Route, 'matchers'>): string {
  if (redirectAction !== undefined) return 'a redirect'
  if (directResponseAction !== undefined) return `status ${directResponseAction.status ?? ''}`
  if (routeAction?.single !== undefined) return destinationText(routeAction.single)
  const destinations = routeAction?.multi?.destinations ?? []
  return destinations
    .map(({ destination = {}, weight = 0 }) => `${destinationText(destination)} weight ${weight}`)
    .join(', ')
}

function destinationText({ upstream, subset }: Destination): string {
  const values = pairsOf(subset?.values, '=').join(',')
  return `${upstream?.name ?? '<none>'}${values === '' ? '' : ` (${values})`}`
}

/** The Upstreams that the routes name, each once, as `namespace/name`. */
export function upstreamsOf({ spec, metadata }: VirtualService): readonly string[] {
  const destinations = (spec?.virtualHost?.routes ?? []).flatMap(({ routeAction }) => [
    ...(routeAction?.single === undefined ? [] : [routeAction.single]),
    ...(routeAction?.multi?.destinations ?? []).flatMap(({ destination }) => destination ?? []),
  ])
  const names = destinations.flatMap(({ upstream }) =>
    upstream?.name === undefined ? [] : [`${upstream.namespace ?? metadata.namespace ?? ''}/${upstream.name}`],
  )
  return [...new Set(names)]
}

function conditionsOf(status: unknown): readonly Condition[] | undefined {
  return (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions
}
