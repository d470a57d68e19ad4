/** The rules of one step: its share, its matches, its gates. */
import { parseDurationMs } from '../../base/duration.ts'
import type { FieldError } from '../kind.ts'
import type { ReleaseGate, ReleaseMatch, ReleaseMetricsGate, ReleaseStep, ReleaseValueMatch } from './types.ts'
import { checkRegex, invalid, required } from '../field-errors.ts'

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
/** RFC 9110 token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

export function validateStep(step: ReleaseStep, field: string): readonly FieldError[] {
  const { name = '', weight, matches, gates = [] } = step
  return [
    ...(NAME.test(name) ? [] : [invalid(`${field}.name`, name, 'must be a DNS label: a-z, 0-9 and -')]),
    ...(weight === undefined || (weight >= 0 && weight <= 100)
      ? []
      : [invalid(`${field}.weight`, weight, 'must be between 0 and 100')]),
    ...(weight === undefined && matches === undefined && gates.length === 0
      ? [required(`${field}.weight`, 'a step needs a weight, matches or gates')]
      : []),
    ...(matches ?? []).flatMap((match, index) => validateMatch(match, `${field}.matches[${index}]`)),
    ...gates.flatMap((gate, index) => validateGate(gate, `${field}.gates[${index}]`)),
  ]
}

function validateMatch({ headers = [], queryParams = [] }: ReleaseMatch, field: string): readonly FieldError[] {
  if (headers.length + queryParams.length === 0) {
    return [required(field, 'a match without a header or query parameter would match every request')]
  }
  return [
    ...headers.flatMap((header, index) => [
      ...(HEADER_NAME.test(header.name)
        ? []
        : [invalid(`${field}.headers[${index}].name`, header.name, 'must be the name of an HTTP header')]),
      ...validateValue(header, `${field}.headers[${index}]`),
    ]),
    ...queryParams.flatMap((parameter, index) => [
      ...(parameter.name === '' ? [required(`${field}.queryParams[${index}].name`)] : []),
      ...validateValue(parameter, `${field}.queryParams[${index}]`),
    ]),
  ]
}

function validateValue({ type, value }: ReleaseValueMatch, field: string): readonly FieldError[] {
  if (type === 'Present') {
    return value === undefined ? [] : [invalid(`${field}.value`, value, 'must not be set with type Present')]
  }
  if (value === undefined || value === '') return [required(`${field}.value`, 'or set type to Present')]
  return type === 'RegularExpression' ? checkRegex(`${field}.value`, value) : []
}

function validateGate(gate: ReleaseGate, field: string): readonly FieldError[] {
  const { approval, wait, metrics } = gate
  const count = [approval, wait, metrics].filter((part) => part !== undefined).length
  if (count === 0) return [required(field, 'set one of approval, wait, metrics')]
  if (count > 1)
    return [invalid(field, Object.keys(gate).join(', '), 'must set exactly one of approval, wait, metrics')]
  return [
    ...(wait === undefined ? [] : validateDuration(wait.duration, `${field}.wait.duration`)),
    ...(metrics === undefined ? [] : validateMetrics(metrics, `${field}.metrics`)),
  ]
}

function validateMetrics(metrics: ReleaseMetricsGate, field: string): readonly FieldError[] {
  const { minRequests, successRate, latency, window } = metrics
  const percentile = latency?.percentile
  return [
    ...(successRate === undefined && latency === undefined
      ? [required(field, 'set successRate, latency or both; a gate without a threshold judges nothing')]
      : []),
    ...(minRequests === undefined || minRequests >= 1
      ? []
      : [invalid(`${field}.minRequests`, minRequests, 'must be at least 1')]),
    ...(successRate === undefined || (successRate.min > 0 && successRate.min <= 100)
      ? []
      : [invalid(`${field}.successRate.min`, successRate.min, 'must be above 0 and at most 100')]),
    ...(percentile === undefined || (percentile > 0 && percentile < 100)
      ? []
      : [invalid(`${field}.latency.percentile`, percentile, 'must be between 0 and 100, both excluded')]),
    ...(latency === undefined ? [] : validateDuration(latency.max, `${field}.latency.max`)),
    ...(window === undefined ? [] : validateDuration(window, `${field}.window`)),
  ]
}

function validateDuration(text: string, field: string): readonly FieldError[] {
  const ms = parseDurationMs(text)
  return ms === undefined || ms <= 0
    ? [invalid(field, text, 'must be a duration above 0, such as 500ms, 30s, 5m or 1h30m')]
    : []
}
