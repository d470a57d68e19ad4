/** Rules of a Deployment that its schema cannot say. */
import type { Deployment } from './types.ts'
import type { FieldError } from '../kind.ts'

export function validateDeployment(_object: Deployment, _old: Deployment | undefined): readonly FieldError[] {
  return []
}
