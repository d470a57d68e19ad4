/**
 * A routing language: its kinds, how they become the routing model, in which words their status says what became of them, and
 * how a release edits them. Each language is a folder with one of these; `all.ts` is the list. Adding a language touches
 * nothing else.
 */
import type { KubeObject } from '../kube/object.ts'
import type { Kind } from '../kinds/kind.ts'
import type { RoutingPart } from '../routing/part.ts'
import type { Backends } from './backends.ts'
import type { LastGood } from './last-good.ts'
import type { Objects, Watch } from './objects.ts'
import type { StatusDraft } from './status.ts'
import type { TlsJudge } from './tls-secrets.ts'
import type { RouteShift } from './traffic-shift.ts'

export interface RoutingDialect {
  /** `gloo`; in logs and metrics. */
  readonly name: string
  /** Served by the API, and in a cluster its CRDs. */
  readonly kinds: readonly Kind[]
  /** Whatever it compiles from, its own kinds and Kubernetes' alike. */
  readonly watches: readonly Watch[]
  /** Of these kinds objects get a report and a status. */
  readonly routingKinds: readonly Kind[]
  /** Namespaces that the language takes for granted. */
  readonly namespaces: readonly string[]
  /** Services by which people who know the language find the gateway. */
  readonly gatewayServices: readonly GatewayService[]
  /** Called once; what is compiled is remembered in `context.objects.derivations`. */
  open(context: DialectContext): Compiler
  /** The status that the object should have, or undefined where it is to stay as it is. Fields of others stay. Pure. */
  status(draft: StatusDraft, object: KubeObject): unknown
  /** Which of its kinds a release can edit. */
  readonly shifts: readonly RouteShift[]
}

/** Everything a language may know. It reads no clock and does no I/O. */
export interface DialectContext {
  readonly objects: Objects
  readonly backends: Backends
  readonly lastGood: LastGood
  readonly judgeTls: TlsJudge
}

export interface Compiler {
  /** From the objects as they are now. Parts that did not change are the same JavaScript objects as before. */
  compile(): RoutingPart
}

export interface GatewayService {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}
