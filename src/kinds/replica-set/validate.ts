/** Rules of a ReplicaSet that its schema cannot say. */
import { checkAtLeast, checkImmutable } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import { validateWorkload } from '../pod/validate-template.ts'
import type { ReplicaSet } from './types.ts'

export function validateReplicaSet({ spec }: ReplicaSet, old: ReplicaSet | undefined): readonly FieldError[] {
  return [
    ...validateWorkload(spec, 'replicaset'),
    ...checkAtLeast('spec.replicas', spec.replicas, 0),
    ...checkAtLeast('spec.minReadySeconds', spec.minReadySeconds, 0),
    ...(old === undefined ? [] : checkImmutable('spec.selector', spec.selector, old.spec.selector)),
  ]
}
