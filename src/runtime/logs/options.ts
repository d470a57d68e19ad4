/** What `kubectl logs` may ask for: core/v1 PodLogOptions. */
export interface PodLogOptions {
  /** May be left out when the pod has one container. */
  readonly container?: string
  /** Stay and send what comes. */
  readonly follow?: boolean
  /** Of the attempt before the last restart. */
  readonly previous?: boolean
  /** Only the last lines; 0 for none. */
  readonly tailLines?: number
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  /** Each line begins with its time. */
  readonly timestamps?: boolean
  readonly limitBytes?: number
}
