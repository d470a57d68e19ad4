/** What the API server must know about a kind. Adding a kind is adding a file with one of these, and a line in `registry.ts`. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import type { Admission } from './admission.ts'
import type { ObjectSchema } from './schema.ts'
import type { Subresource } from './subresource.ts'

/** A broken field: becomes a cause of a 422 `Invalid` Status. */
export interface FieldError {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
  /** `spec.selector` */
  readonly field: string
  /** The wording after the field, as Kubernetes has it: `Required value`, `Invalid value: "x": must be …`. */
  readonly message: string
}

/** How a kind's own type meets the registry's `Kind`: methods are compared bivariantly, so a `Kind<Pod>` is a `Kind`. */
type Read<T, R> = { read(object: T): R }['read']

/** A column of `kubectl get`. */
export interface Column<T extends KubeObject = KubeObject> {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  /** 0 = always shown, 1 = only with `-o wide`. */
  readonly priority: 0 | 1
  readonly description?: string
  /** `nowMs` for ages. */
  cell(object: T, nowMs: number): string | number | boolean
}

export interface Kind<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>
  readonly singular: string
  readonly shortNames: readonly string[]
  /** `all` makes it part of `kubectl get all`. */
  readonly categories: readonly string[]
  /** apiVersion, kind, metadata and the kind's own fields. */
  readonly schema: ObjectSchema
  /** True: has a `/status` subresource; then writes to the object ignore status and writes to status ignore the rest. */
  readonly hasStatus: boolean
  readonly scale?: ScalePaths
  /** Fills what the user left out. `object` has passed the schema. Pure. */
  defaults?(object: T): T
  /** Rules the schema cannot say. `old` is the stored object on update. Pure. */
  validate?(object: T, old: T | undefined): readonly FieldError[]
  /** Warnings that kubectl prints at apply time (HTTP `Warning` header). Pure. */
  warnings?(object: T): readonly string[]
  /** Columns after Name, before nothing: include Age where the kind shows it. */
  readonly columns: readonly Column<T>[]
  /** True: the table does not begin with Name; `columns` has it where it belongs (Event). */
  readonly placesName?: boolean
  /** Field selectors besides metadata.name and metadata.namespace: path → value. */
  readonly selectableFields?: Readonly<Record<string, Read<T, string>>>
  /** What the server does to an object on its way in and out, beside defaults. Of the hub alone. */
  readonly admission?: Admission<T>
  /** Besides `/status` and `/scale`. */
  readonly subresources?: readonly Subresource<T>[]
  /** For what is news and not state: such objects go by themselves. Of the hub alone. */
  readonly expiry?: Expiry<T>
  /** Seconds a deleted object stays with a deletionTimestamp until its agent removes it (Pod); absent: removed at once. */
  gracePeriodSeconds?(object: T): number
  /** PUT without resourceVersion is refused (422), as for custom resources. */
  readonly requiresVersionOnUpdate?: boolean
  /** Strategic merge patch is supported (built-in kinds); otherwise 415. */
  readonly strategicPatch: boolean
  /** `dns-label` names (Services, Namespaces) instead of DNS subdomains. */
  readonly nameFormat?: 'dns-label' | 'dns-1035-label'
  /** Other versions in which the same objects are served. This one is the hub: objects are stored in its shape. */
  readonly versions?: readonly KindVersion<T>[]
}

/** The same objects in another version of the API: its own fields, defaults, rules and columns over one stored set. */
export interface KindVersion<Hub extends KubeObject = KubeObject, T extends KubeObject = KubeObject> extends Omit<
  Kind<T>,
  'versions'
> {
  /**
   * The fields of this version in the hub's shape, and back; absent where they are the same. `toHub(fromHub(x))` is `x`:
   * what this version has no field for, it keeps in an annotation. Both take a part of an object too, as a server-side
   * apply sends it. The server sets apiVersion and kind. Pure.
   */
  toHub?(object: T): Hub
  fromHub?(object: Hub): T
}

interface Expiry<T extends KubeObject> {
  readonly ageMaxMs: number
  /** Beyond this many, the oldest go early. */
  readonly countMax: number
  /** When it last happened, in milliseconds since 1970; NaN or undefined where nothing says so. */
  lastSeenMs(object: T): number | undefined
}

/** Where `/scale` reads and writes. */
interface ScalePaths {
  readonly specReplicas: 'spec.replicas'
  readonly statusReplicas: 'status.replicas'
  readonly selector: 'spec.selector'
}
