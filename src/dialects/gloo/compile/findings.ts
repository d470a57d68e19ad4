/** Diagnostics of the Gloo compiler. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { FieldError } from '../../../kinds/kind.ts'

type Finding = Omit<Diagnostic, 'severity'>

export function errorAt(path: string, code: string, message: string): Diagnostic {
  return { severity: 'error', path, code, message } satisfies Finding & { severity: 'error' }
}

export function warningAt(path: string, code: string, message: string): Diagnostic {
  return { severity: 'warning', path, code, message }
}

/** A cluster whose API does not run our checks at admission lets such objects in: here they are caught. */
export function fromFieldErrors(errors: readonly FieldError[]): readonly Diagnostic[] {
  return errors.map(({ field, message }) => errorAt(field, 'invalid-field', message))
}
