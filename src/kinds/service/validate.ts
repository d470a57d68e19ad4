/** Rules of a Service that its schema cannot say. */
import type { FieldError } from '../kind.ts'
import type { Service } from './types.ts'

export function validateService(_object: Service, _old: Service | undefined): readonly FieldError[] {
  return []
}
