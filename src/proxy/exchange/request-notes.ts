/** What is noted of one request after the other: for the log and the traces of its listener, and for a client that asked. */
import type { DestinationTraffic } from '../../telemetry/recorder.ts'
import type { PreparedTable } from '../../routing/decide.ts'
import type { Route } from '../../routing/route-model.ts'
import type { Observation } from '../../telemetry/recorder.ts'

import type { ServingEndpoint } from '../cluster/serving-cluster.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { joinEdits } from '../policy/head-edit.ts'
import type { Answer } from '../policy/answers.ts'
import type { ServingPolicy } from '../serving/route-policy.ts'
import type { ServingRoute } from '../serving/serving-route.ts'
import type { ServingListener } from '../serving/serving-state.ts'
import type { TraceEdit } from '../telling/tracer.ts'
import { DecisionTrail } from './decision-trail.ts'
import { RequestRecord } from './request-record.ts'
import type { ClientSide } from './sides.ts'

export interface NotesDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
}

/** Where the request was sent. */
interface Upstream {
  readonly endpoint: ServingEndpoint | null
  /** Of the connection to the endpoint. */
  readonly localAddress: string
}

/** Where nobody wants to know, each note costs a look at a null. */
export class RequestNotes {
  readonly #client: ClientSide
  readonly #deps: NotesDeps
  /** Null: the listener tells nothing. */
  #record: RequestRecord | null = null
  /** Null: the client did not ask. */
  #trail: DecisionTrail | null = null

  constructor(client: ClientSide, deps: NotesDeps) {
    this.#client = client
    this.#deps = deps
  }

  /** What the endpoint is told of the trace; null: what the client said. */
  get trace(): TraceEdit | null {
    return this.#record === null ? null : this.#record.trace
  }

  /** For a request that brings none. */
  get requestId(): string {
    return this.#record === null ? this.#deps.newRequestId() : this.#record.requestId
  }

  begin(head: RequestHead, { telling, http }: ServingListener, startedMs: number): void {
    this.#record = null
    if (telling === null) return
    const { newRequestId } = this.#deps
    this.#record = new RequestRecord(telling, { head, client: this.#client, http, startedMs, newRequestId })
  }

  onRequestDone(nowMs: number): void {
    if (this.#record !== null) this.#record.onRequestDone(nowMs)
  }

  onDecision(head: RequestHead, table: PreparedTable): void {
    this.#trail = head.wantsDecision ? new DecisionTrail(table, head) : null
  }

  onDestination({ action }: Route, index: number): void {
    if (this.#trail !== null && action.kind === 'forward') this.#trail.onDestination(action, index)
  }

  onRoute(serve: ServingRoute): void {
    if (this.#record !== null) this.#record.onRoute(serve)
  }

  /** `policy`: of the way to this destination. */
  onCluster(name: string, policy: ServingPolicy): void {
    if (this.#record !== null) this.#record.onCluster(name, policy)
  }

  onTry({ pool }: ServingEndpoint, traffic: DestinationTraffic): void {
    if (this.#record !== null) this.#record.onTry(pool.endpoint, traffic, this.#deps.monotonicMs())
  }

  onConnectFailed(why: string): void {
    if (this.#record !== null) this.#record.onConnectFailed(why)
  }

  onResponse(head: ResponseHead, upstream: Upstream): void {
    if (this.#record !== null) this.#record.onResponse(head, upstream.localAddress, this.#deps.monotonicMs())
  }

  /** The connection is all that the endpoint has to say. */
  onTunnelOpen(upstream: Upstream): void {
    if (this.#record !== null) this.#record.onAnswered(upstream.localAddress, this.#deps.monotonicMs())
  }

  /** It is given up as nothing has moved. */
  onSilence(): void {
    if (this.#record !== null) this.#record.onSilence()
  }

  onAnswer(answer: Answer): void {
    if (this.#record !== null) this.#record.onAnswer(answer)
  }

  /** Puts the decision into the response that is about to begin. */
  tellClient({ endpoint }: Upstream): void {
    if (this.#trail === null) return
    const { response } = this.#client
    const edit = this.#trail.edit(endpoint?.pool.endpoint)
    if (edit !== null) response.edit = joinEdits(response.edit, edit)
  }

  /** The request is over. */
  tell(outcome: Observation): void {
    const record = this.#record
    this.#record = null
    if (record !== null) record.tell(outcome)
  }
}
