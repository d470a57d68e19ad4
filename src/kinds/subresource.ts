/** What lies behind an object's name besides `/status` and `/scale`, which every kind may have. */
import type { KubeObject } from '../kube/object.ts'
import type { ObjectSchema } from './schema.ts'

export type Subresource<T extends KubeObject = KubeObject> =
  | FinalizeSubresource
  | NodeSubresource
  | ActionSubresource<T>

/** PUT and PATCH of the spec alone, by whoever clears away what belongs to the object. */
interface FinalizeSubresource {
  readonly kind: 'finalize'
  readonly name: 'finalize'
}

/** Answered by the node that runs the object. */
interface NodeSubresource {
  readonly kind: 'node'
  readonly name: 'log' | 'exec' | 'attach' | 'portforward'
}

/** A POST whose body says what is to become of the object. */
interface ActionSubresource<T extends KubeObject> {
  readonly kind: 'action'
  readonly name: string
  /** The kind of the body. */
  readonly bodyType: { readonly apiVersion: string; readonly kind: string }
  readonly bodySchema: ObjectSchema
  /** `body` is any JSON; `now` is RFC 3339. Pure. */
  act(object: T, body: unknown, now: string): Acted<T>
}

/** The object as it is to be stored, or why not. */
export type Acted<T extends KubeObject = KubeObject> =
  | { readonly kind: 'done'; readonly object: T }
  | { readonly kind: 'bad-request' | 'conflict'; readonly why: string }
