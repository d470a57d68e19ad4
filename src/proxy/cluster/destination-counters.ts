/** Counters of a destination for each listener that sends requests there, made when it first does. */
import type { WorkloadIdentity } from '../../routing/cluster-model.ts'
import type { DestinationLabels } from '../../telemetry/report.ts'
import type { DestinationTraffic, TrafficRecorder } from '../../telemetry/recorder.ts'

type DestinationIdentity = Pick<DestinationLabels, 'service' | 'workloadNamespace' | 'workload' | 'version' | 'app'>

interface CountsOptions {
  readonly listener: string
  /** Whose requests come in at the listener, where that is one workload's own way out. */
  readonly source: WorkloadIdentity | undefined
  /** Absent: requests over HTTP. */
  readonly protocol?: NonNullable<DestinationLabels['protocol']>
}

type ListenerLabels = Pick<DestinationLabels, 'listener' | 'protocol' | 'source'>

/** Who counts: a listener, or what it copies to mirrors. */
export class ListenerCounts {
  /** For requests that reached no service. */
  readonly nowhere: DestinationTraffic
  readonly #recorder: Pick<TrafficRecorder, 'destination'>
  readonly #labels: ListenerLabels

  constructor({ listener, source, protocol }: CountsOptions, recorder: Pick<TrafficRecorder, 'destination'>) {
    this.#recorder = recorder
    this.#labels = {
      listener,
      ...(protocol === undefined ? {} : { protocol }),
      ...(source === undefined ? {} : { source: sourceLabels(source) }),
    }
    this.nowhere = this.towards({ service: '', workloadNamespace: '', workload: '', version: '' })
  }

  towards(destination: DestinationIdentity): DestinationTraffic {
    return this.#recorder.destination({ ...destination, ...this.#labels })
  }
}

export class DestinationCounters {
  readonly #destination: DestinationIdentity
  /** Most destinations are reached from one listener only. */
  #lastCounts: ListenerCounts | null = null
  #last: DestinationTraffic | null = null
  #known: WeakMap<ListenerCounts, DestinationTraffic> | null = null

  constructor(destination: DestinationIdentity) {
    this.#destination = destination
  }

  of(counts: ListenerCounts): DestinationTraffic {
    if (this.#lastCounts === counts && this.#last !== null) return this.#last
    const traffic = this.#find(counts)
    this.#lastCounts = counts
    this.#last = traffic
    return traffic
  }

  #find(counts: ListenerCounts): DestinationTraffic {
    const known = this.#known?.get(counts)
    if (known !== undefined) return known
    const created = counts.towards(this.#destination)
    if (this.#lastCounts !== null) {
      this.#known ??= new WeakMap()
      if (this.#last !== null) this.#known.set(this.#lastCounts, this.#last)
      this.#known.set(counts, created)
    }
    return created
  }
}

function sourceLabels({
  namespace,
  name,
  version,
  app = '',
}: WorkloadIdentity): NonNullable<DestinationLabels['source']> {
  return { workloadNamespace: namespace, workload: name, version, app }
}
