/** Strings that must have a form: times, base64, quantities, durations, one of some words. */
import { isQuantity } from '../kube/quantity.ts'
import type { FieldError } from './kind.ts'
import type { StringSchema } from './schema.ts'

type Problem = Omit<FieldError, 'field'>

/** What is wrong with a text for this schema, if anything. */
export function formatProblem({ format, values }: StringSchema, text: string): Problem | undefined {
  if (values !== undefined) return values.includes(text) ? undefined : unsupported(text, values)
  if (format === undefined || FORMATS[format].isRight(text)) return undefined
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(text)}: ${FORMATS[format].rule}` }
}

function unsupported(text: string, values: readonly string[]): Problem {
  const listed = values.map((value) => JSON.stringify(value)).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(text)}: supported values: ${listed}`,
  }
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** duration = [ "-" ] 1*( number unit ), as Go writes it: `1h30m`, `0.5s`; a plain 0 needs no unit. */
const DURATION = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/

function isTime(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text))
}

const FORMATS: Record<NonNullable<StringSchema['format']>, { isRight: (text: string) => boolean; rule: string }> = {
  time: { isRight: isTime, rule: 'must be a time as in 2006-01-02T15:04:05Z (RFC 3339)' },
  'micro-time': { isRight: isTime, rule: 'must be a time as in 2006-01-02T15:04:05.000000Z (RFC 3339)' },
  byte: { isRight: (text) => BASE64.test(text.replaceAll(/[\r\n]/g, '')), rule: 'must be base64' },
  quantity: { isRight: isQuantity, rule: "must be a quantity such as '100m', '1.5' or '64Mi'" },
  duration: { isRight: (text) => DURATION.test(text), rule: "must be a duration such as '30s' or '1h30m'" },
}
