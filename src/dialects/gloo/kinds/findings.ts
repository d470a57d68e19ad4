/** What is said of fields without effect: refused where serving without them would be wrong, else left out. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { given } from '../../../kinds/field-errors.ts'

type Fields = Readonly<Partial<Record<string, unknown>>>

export function refused(path: string, object: Fields, names: readonly string[]): Diagnostic[] {
  return given(object, names).map((name) => refusal(`${path}.${name}`, name))
}

export function refusal(path: string, what: string, cure = ''): Diagnostic {
  const why = 'Sluice does not implement it yet, and serving without it would not be what was asked for'
  const message = `Cannot act on "${what}": ${why}${cure === '' ? '' : `. ${cure}`}`
  return { severity: 'error', code: 'not-implemented', path, message }
}

export function ignored(path: string, object: Fields, names: readonly string[]): Diagnostic[] {
  return given(object, names).map((name) => ({
    severity: 'warning',
    code: 'not-implemented',
    path: `${path}.${name}`,
    message: `Cannot act on "${name}": Sluice does not implement it yet; it has no effect`,
  }))
}

/** Not what Sluice lacks, but what cannot act as it is written. */
export function noEffect(path: string, what: string, why: string): Diagnostic {
  return { severity: 'warning', code: 'no-effect', path, message: `Cannot act on "${what}": ${why}` }
}
