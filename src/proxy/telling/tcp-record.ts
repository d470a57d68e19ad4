/** What is noted of a TCP connection while it is served, and told when it is over. */
import type { Socket } from 'node:net'

import type { Observation } from '../../telemetry/recorder.ts'

import { peerOf } from './access-entry.ts'
import type { ClientPeer } from './access-entry.ts'
import { tcpEntry } from './bare-entry.ts'
import type { ListenerTelling } from './listener-telling.ts'

export class TcpRecord {
  readonly #telling: ListenerTelling
  /** Asked for at the beginning: a closed socket has no addresses. */
  readonly #client: ClientPeer
  readonly #streamId: string
  serverName = ''
  transportFailure = ''
  #routeName = ''
  #cluster = ''
  #upstreamHost = ''
  #attempts = 0

  constructor(telling: ListenerTelling, client: Socket, streamId: string) {
    this.#telling = telling
    this.#client = peerOf(client)
    this.#streamId = streamId
  }

  onTry(routeName: string, cluster: string, upstreamHost: string): void {
    this.#routeName = routeName
    this.#cluster = cluster
    this.#upstreamHost = upstreamHost
    this.#attempts++
  }

  tell(startedMs: number, outcome: Observation): void {
    const entry = tcpEntry({
      ...outcome,
      startedAtMs: this.#telling.epochMs(startedMs),
      client: { ...this.#client, serverName: this.serverName },
      upstreamHost: this.#upstreamHost,
      cluster: this.#cluster,
      // What a try before the one that was made had failed of is no news.
      transportFailure: outcome.flag === 'UF' ? this.transportFailure : '',
      attempts: this.#attempts,
      routeName: this.#routeName,
      streamId: this.#streamId,
    })
    this.#telling.write(entry)
  }
}
