/** What the API server does with a body before it stores it, as far as the kind decides: check, defaults, rules. */
import { checkObject } from '../../src/kinds/check.ts'
import type { Kind } from '../../src/kinds/kind.ts'
import type { KubeObject } from '../../src/kube/object.ts'

/** The object as it would be stored. */
export function admitted<T extends KubeObject>(kind: Kind<T>, body: object): T {
  const object = checkObject(kind.schema, body).value as T
  return kind.defaults?.(object) ?? object
}

/** `field: message` of all that is wrong. `old` is the stored object that the body would replace. */
export function complaints<T extends KubeObject>(kind: Kind<T>, body: object, old?: object): readonly string[] {
  const { errors } = checkObject(kind.schema, body)
  const broken =
    errors.length > 0
      ? errors
      : (kind.validate?.(admitted(kind, body), old === undefined ? undefined : admitted(kind, old)) ?? [])
  return broken.map(({ field, message }) => `${field}: ${message}`)
}

/** The cells of its row in `kubectl get -o wide`, by column. */
export function cells<T extends KubeObject>(kind: Kind<T>, object: T, nowMs = 0): Readonly<Record<string, unknown>> {
  return Object.fromEntries(kind.columns.map((column) => [column.name, column.cell(object, nowMs)]))
}
