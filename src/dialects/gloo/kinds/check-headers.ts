/** What is wrong with the headers that an option removes and adds. */
import type { FieldError } from '../../../kinds/kind.ts'
import { forbidden, invalid, required } from '../../../kinds/field-errors.ts'
import { headerText } from './option-values.ts'
import type { HeaderManipulation, HeaderToAdd } from './options-schema.ts'

/** RFC 9110 `token`. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** No control characters but the tab, nothing beyond latin1. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

export function isFieldName(text: string): boolean {
  return TOKEN.test(text)
}

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text)
}

export function checkHeaderManipulation(path: string, headers: HeaderManipulation = {}): FieldError[] {
  const removed = (['requestHeadersToRemove', 'responseHeadersToRemove'] as const).flatMap((list) =>
    (headers[list] ?? []).flatMap((name, index) => checkName(`${path}.${list}[${index}]`, name)),
  )
  const added = (['requestHeadersToAdd', 'responseHeadersToAdd'] as const).flatMap((list) =>
    (headers[list] ?? []).flatMap((header, index) => checkAdded(`${path}.${list}[${index}]`, header)),
  )
  return [...removed, ...added]
}

function checkAdded(path: string, { header, headerSecretRef }: HeaderToAdd): FieldError[] {
  if (header === undefined) return headerSecretRef === undefined ? [required(`${path}.header`)] : []
  const { key = '', value = '' } = header
  const field = `${path}.header.value`
  return [
    ...checkName(`${path}.header.key`, key),
    ...(isFieldValue(value) ? [] : [invalid(field, value, 'has characters that HTTP does not allow there')]),
    ...(headerText(value).kind === 'broken' ? [invalid(field, value, 'a percent sign must be written %%')] : []),
  ]
}

function checkName(field: string, name: string): FieldError[] {
  if (name === '') return [required(field)]
  if (name.startsWith(':') || name.toLowerCase() === 'host') {
    return [forbidden(field, `${name} is not changed as a header; use hostRewrite, prefixRewrite or regexRewrite`)]
  }
  return isFieldName(name) ? [] : [invalid(field, name, 'must be the name of a header')]
}
