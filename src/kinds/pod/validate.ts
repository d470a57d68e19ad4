/** Rules of a pod that its schema cannot say. */
import type { FieldError } from '../kind.ts'
import type { Pod } from './types.ts'

export function validatePod(_object: Pod, _old: Pod | undefined): readonly FieldError[] {
  return []
}
