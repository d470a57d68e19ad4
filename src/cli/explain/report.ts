/** An explanation in words, aligned. Pure. */
import { bracketed } from '../../base/host-port.ts'
import { assertNever } from '../../base/assert.ts'
import { originText } from '../../routing/explanation.ts'
import type {
  ConsideredRoute,
  ExplainedAnswer,
  ExplainedDestination,
  ExplainedEndpoint,
  ExplainedListener,
  Explanation,
  TakenRoute,
} from '../../routing/explanation.ts'
import type { LiveDecision } from './live.ts'

const LABEL_CHARACTERS = 13
/** Of the routes that were tried, the last so many are printed; `-o json` has all. */
const ROUTES_SHOWN_MAX = 50
const BODY_SHOWN_CHARACTERS_MAX = 500

export function explanationLines(explanation: Explanation): readonly string[] {
  const { request, snapshot, listener, host, taken, policies, answer, draining } = explanation
  const { scheme = listener.protocol, query } = request
  return [
    ...section('Request', [
      `${request.method} ${scheme}://${request.host}${request.path}${query === '' ? '' : `?${query}`}`,
    ]),
    ...section('Listener', listenerLines(listener)),
    ...section('Snapshot', [`${snapshot.generation}, ${snapshot.text}`]),
    ...section('Host', [host === null ? 'none' : `${host.virtualHost} by its domain ${host.domain}: ${host.why}`]),
    ...section('Routes', routeLines(explanation)),
    ...section('Taken', takenLines(taken)),
    ...section('Policies', table(policies.map(({ kind, text }) => [kind, text]))),
    ...answerSections(answer),
    ...section(
      'Draining',
      draining.map(({ endpoint, active }) => `${endpoint} has left the routes and answers ${active} more`),
    ),
  ]
}

export function liveLines(live: LiveDecision, { taken }: Explanation): readonly string[] {
  const { sentTo, status, route, origin, destination, endpoint, why } = live
  const said = Object.entries({ route, origin, destination, endpoint, why }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const silent = 'the proxy does not say what it did: its listener does not have the hash of the token'
  const differs = route !== undefined && route !== (taken?.route ?? 'none')
  return section('Live', [
    `status ${status} from ${sentTo}`,
    ...(said.length === 0 ? [silent] : table(said)),
    ...(differs ? ['it took another route than explained above: the routes have changed in between'] : []),
  ])
}

function listenerLines({
  id,
  protocol,
  address,
  port,
  why,
  error,
  removedHeaders,
}: ExplainedListener): readonly string[] {
  const where = `${protocol} ${bracketed(address)}${port === 0 ? ', any free port' : `:${port}`}`
  return [
    `${id}, ${where}: ${why}`,
    ...(error === undefined ? [] : [`it does not listen: ${error}`]),
    ...(removedHeaders.length === 0 ? [] : [`removed here, before routing: ${removedHeaders.join(', ')}`]),
  ]
}

function routeLines({ routes, routesBehind, host }: Explanation): readonly string[] {
  if (host === null) return []
  if (routes.length === 0) return ['the virtual host has none']
  const hidden = Math.max(0, routes.length - ROUTES_SHOWN_MAX)
  const digits = String(routes.length).length
  return [
    ...(hidden === 0 ? [] : [`${hidden} more before these were tried; -o json has them`]),
    ...routes.slice(hidden).flatMap((route, index) => oneRoute(route, String(hidden + index + 1).padStart(digits))),
    ...(routesBehind === 0 ? [] : [`${' '.repeat(digits)}  ${routesBehind} more behind it: not looked at`]),
  ]
}

function oneRoute({ origin, match, matched, failed }: ConsideredRoute, number: string): readonly string[] {
  const indent = ' '.repeat(number.length)
  return matched
    ? [`${number}  taken   ${originText(origin)}`, `${indent}          ${match}`]
    : [`${number}  passed  ${originText(origin)}`, `${indent}          ${failed?.text ?? ''}`]
}

function takenLines(taken: TakenRoute | null): readonly string[] {
  if (taken === null) return ['none']
  const from = originText(taken.origin)
  return [taken.route, ...(from === taken.route ? [] : [`from ${from}`])]
}

function answerSections(answer: ExplainedAnswer): readonly string[] {
  switch (answer.kind) {
    case 'forward': {
      const { method, path, authority } = answer.request
      return [
        ...section('Forwarded', [`${method} ${path}, host ${authority}`]),
        ...section('Destination', [answer.choice.text, ...answer.destinations.flatMap(destinationLines)]),
      ]
    }
    case 'redirect':
      return section('Answer', [`${answer.status}, location ${answer.location}`])
    case 'respond':
      return section('Answer', respondLines(answer))
    case 'preflight':
      return section('Answer', [`${answer.status}: ${answer.why}`])
    case 'passthrough':
      return section('Forwarded', [`to ${answer.to} itself: ${answer.why}`])
    case 'none':
      return section('Answer', noneLines(answer))
    default:
      return assertNever(answer, 'answer')
  }
}

function respondLines({
  status,
  flag,
  headers,
  body,
}: Extract<ExplainedAnswer, { kind: 'respond' }>): readonly string[] {
  const shown = body.length > BODY_SHOWN_CHARACTERS_MAX ? `${body.slice(0, BODY_SHOWN_CHARACTERS_MAX)}…` : body
  return [
    `${status}${flag === undefined ? '' : ` (${flag})`}, the proxy’s own`,
    ...headers.map(({ name, value }) => `${name}: ${value}`),
    ...(shown === '' ? [] : shown.trimEnd().split('\n')),
  ]
}

function noneLines({ status, flag, why, nearest }: Extract<ExplainedAnswer, { kind: 'none' }>): readonly string[] {
  return [
    `${status} (${flag}): ${why}`,
    ...(nearest === undefined
      ? []
      : [`nearest is ${originText(nearest.origin)}; it fails by`, ...nearest.failed.map(({ text }) => `  ${text}`)]),
  ]
}

function destinationLines(destination: ExplainedDestination): readonly string[] {
  const { share, picked, range } = destination
  const mark = picked === true ? '→' : ' '
  const part =
    range === undefined || share === 0 ? '' : `, from ${shortened(range[0])} to ${shortened(range[1])} of the range`
  const start = `${mark} ${percent(share).padStart(7)}  `
  if (destination.kind === 'invalid') return [`${start}invalid: ${destination.status}, ${destination.reason}${part}`]
  const { cluster, service, subset, fallback, balance, guards, endpoints, problem, policies = [] } = destination
  const labels = Object.entries(subset ?? {}).map(([name, value]) => `${name}=${value}`)
  const named = `${service.namespace}/${service.name}:${service.port}${labels.length === 0 ? '' : ` ${labels.join(',')}`}`
  const details = [
    `service ${named}`,
    ...table(policies.map(({ kind, text }) => [kind, text])),
    ...(problem === undefined ? [] : [problem]),
    ...(fallback === undefined ? [] : [`it has no endpoint, so those of ${fallback} are used`]),
    ...(endpoints.length === 0 ? [] : [`${balance.kind}: ${balance.text}`]),
    ...guards,
    ...endpointLines(endpoints, balance.endpoint),
  ]
  return [`${start}${cluster}${part}`, ...details.map((line) => `${' '.repeat(start.length + 2)}${line}`)]
}

function endpointLines(endpoints: readonly ExplainedEndpoint[], owner: string | undefined): readonly string[] {
  const weighted = endpoints.some(({ weight }) => weight !== endpoints[0]?.weight)
  return table(
    endpoints.map((each) => [
      `${each.endpoint === owner ? '→ ' : ''}${each.endpoint}`,
      each.state ?? 'not asked',
      ...(weighted ? [`weight ${each.weight}`] : []),
      endpointDetails(each),
    ]),
  )
}

function endpointDetails({ workload, nearness, slowStart, active = 0 }: ExplainedEndpoint): string {
  const details = [
    ...(workload === undefined ? [] : [workload.pod === '' ? workload.name : workload.pod]),
    ...(nearness === undefined ? [] : [nearness]),
    ...(slowStart === undefined ? [] : [`starts slowly, at ${percent(slowStart)} of its weight`]),
    ...(active === 0 ? [] : [`${active} under way`]),
  ]
  return details.join(', ')
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))} %`
}

function shortened(place: number): string {
  return String(Number(place.toPrecision(4)))
}

/** The label beside the first line, nothing beside the others; nothing at all where there are no lines. */
function section(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => visible(`${(index === 0 ? label : '').padEnd(LABEL_CHARACTERS)}${line}`).trimEnd())
}

/** What a body or a header holds must not steer the terminal. */
function visible(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, '\u{fffd}')
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => Array.from(row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - Array.from(cell).length)))
      .join('  ')
      .trimEnd(),
  )
}
