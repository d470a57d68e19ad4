/** Rules that ConfigMaps and Secrets share: their entries. */
import { isSameJson } from '../kube/json-value.ts'
import { configKeyErrors } from '../kube/names.ts'
import { checkDistinct, checkFormat, forbidden, tooLong } from './field-errors.ts'
import type { FieldError } from './kind.ts'

interface Entries {
  readonly immutable?: boolean
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
}

const TOTAL_BYTES_MAX = 1024 * 1024

export function validateEntries(
  object: Entries,
  old: Entries | undefined,
  fields: readonly ('data' | 'binaryData')[],
): readonly FieldError[] {
  const keys = fields.flatMap((field) =>
    Object.keys(object[field] ?? {}).map((key) => ({ field: `${field}[${key}]`, value: key })),
  )
  return [
    ...keys.flatMap(({ field, value }) => checkFormat(field, value, configKeyErrors)),
    ...checkDistinct(keys),
    ...(totalBytes(object, fields) > TOTAL_BYTES_MAX ? [tooLong('', TOTAL_BYTES_MAX)] : []),
    ...(old?.immutable === true ? validateFrozen(object, old, fields) : []),
  ]
}

function totalBytes(object: Entries, fields: readonly ('data' | 'binaryData')[]): number {
  const texts = fields.flatMap((field) => Object.values(object[field] ?? {}))
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}

function validateFrozen(
  object: Entries,
  old: Entries,
  fields: readonly ('data' | 'binaryData')[],
): readonly FieldError[] {
  const why = 'field is immutable when `immutable` is set'
  return [
    ...(object.immutable === true ? [] : [forbidden('immutable', why)]),
    ...fields.flatMap((field) => (isSameJson(object[field], old[field]) ? [] : [forbidden(field, why)])),
  ]
}
