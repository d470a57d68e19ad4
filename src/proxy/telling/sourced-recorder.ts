/** Counts for a listener that is one workload's own way out: all of them are told as that workload's. */
import type { WorkloadIdentity } from '../../routing/cluster-model.ts'
import type { TrafficRecorder } from '../../telemetry/recorder.ts'

export function sourcedRecorder(
  recorder: Pick<TrafficRecorder, 'destination'>,
  source: WorkloadIdentity | undefined,
): Pick<TrafficRecorder, 'destination'> {
  if (source === undefined) return recorder
  const { namespace, name, version, app = '' } = source
  const labels = { workloadNamespace: namespace, workload: name, version, app }
  return { destination: (destination) => recorder.destination({ ...destination, source: labels }) }
}
