/** Whether what a listener is to tell of its requests can be told: templates of access logs, traces. */
import { parseAccessLogTemplate } from '../access-log.ts'
import type { AccessLog, Tracing } from '../listener-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

/** `path`: of the access log in the snapshot. */
export function checkAccessLog(log: AccessLog | undefined, path: string): Problem[] {
  if (log === undefined) return []
  const { format } = log
  const templates =
    format.kind === 'text'
      ? [{ at: `${path}.format.template`, template: format.template }]
      : Object.entries(format.fields).map(([name, template]) => ({ at: `${path}.format.fields.${name}`, template }))
  return [
    ...when(log.path === '' || log.path.includes('\0'), {
      code: 'bad-access-log',
      path: `${path}.path`,
      message: `Cannot write the access log to ${JSON.stringify(log.path)}: it is not the path of a file`,
    }),
    ...templates.flatMap(({ at, template }) => checkTemplate(template, at)),
  ]
}

function checkTemplate(template: string, path: string): Problem[] {
  const parsed = parseAccessLogTemplate(template)
  const problem = parsed.kind === 'problem' ? parsed : lineBreak(parsed.parts)
  if (problem === undefined) return []
  const near = JSON.stringify(template.slice(problem.at, problem.at + 30))
  const message = `Cannot use the access log's template at character ${problem.at + 1}, ${near}: ${problem.why}`
  return [{ code: 'bad-template', path, message }]
}

/** One entry is one line: readers of the log rely on it. */
function lineBreak(parts: Extract<ReturnType<typeof parseAccessLogTemplate>, { kind: 'parts' }>['parts']) {
  const isBroken = parts.some((part) =>
    part.kind === 'literal'
      ? /[\r\n]/.test(part.text)
      : part.kind === 'start-time' && /[\r\n]/.test(part.format.format(0)),
  )
  return isBroken ? { at: 0, why: 'a line ends inside it, and an entry is one line' } : undefined
}

export function checkTracing(tracing: Tracing | undefined, path: string): Problem[] {
  if (tracing === undefined) return []
  const { sampledShare, propagation, export: target } = tracing
  return [
    ...when(!(sampledShare >= 0 && sampledShare <= 1), {
      code: 'bad-share',
      path: `${path}.sampledShare`,
      message: `Cannot sample a share of ${sampledShare}: it is not a number from 0 to 1`,
    }),
    ...when(propagation.length === 0, {
      code: 'no-propagation',
      path: `${path}.propagation`,
      message: 'Cannot begin traces that no header carries on: name "w3c", "b3" or "b3-single"',
    }),
    ...when(target !== undefined && !isHttpUrl(target.url), {
      code: 'bad-url',
      path: `${path}.export.url`,
      message: `Cannot send spans to "${target?.url ?? ''}": it is not an http or https URL`,
    }),
  ]
}

function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '')
}
