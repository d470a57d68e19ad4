/** The fields of a Release, spec and status. Closed: an unknown field is reported. */
import { condition } from '../metadata.ts'
import { any, array, double, int32, int64, object, oneOf, optional, required, string, time } from '../schema.ts'

const workloadRef = object({
  kind: required(string, undefined, { description: 'Kind of the workload: Deployment.' }),
  name: required(string, undefined, { description: "Its name, in the Release's namespace." }),
})

const routeRef = object({
  apiVersion: required(string),
  kind: required(string),
  namespace: optional(string, undefined, { description: "Default: the Release's namespace." }),
  name: required(string),
})

const target = object({
  name: required(string, undefined, { description: 'How steps and messages call this target.' }),
  stable: required(workloadRef, undefined, { description: 'The version that serves now.' }),
  canary: required(workloadRef, undefined, { description: 'The version to bring out.' }),
  scaling: optional(oneOf('Proportional', 'Manual'), undefined, {
    description:
      "Proportional (default): the canary is scaled up so that its share of ready pods, measured by the stable's replicas, is never below its share of traffic. Manual: one ready pod suffices and replicas are yours.",
  }),
  routes: required(array(routeRef), undefined, { description: 'The objects that carry its traffic.' }),
})

const valueMatch = object({
  name: required(string),
  type: optional(oneOf('Exact', 'RegularExpression', 'Present')),
  value: optional(string),
})

const requestMatch = object({
  headers: optional(array(valueMatch)),
  queryParams: optional(array(valueMatch)),
})

const metricsGate = object({
  minRequests: optional(int32, undefined, {
    description: 'No verdict before the new version has served this many requests since the step is live. Default 20.',
  }),
  successRate: optional(
    object({ min: required(double, undefined, { description: 'Percent of requests without a failure.' }) }),
  ),
  latency: optional(
    object({
      percentile: optional(double, undefined, { description: 'Default 99.' }),
      max: required(string, undefined, { description: 'A duration, such as 500ms.' }),
    }),
  ),
  window: optional(string, undefined, {
    description: 'How far back requests count, never before the step was live. Default 1m.',
  }),
})

const gate = object({
  approval: optional(object({}), undefined, { description: 'Wait for a person: sluice release approve.' }),
  wait: optional(object({ duration: required(string) }), undefined, { description: 'Wait a time after live.' }),
  metrics: optional(metricsGate, undefined, { description: "Judge the new version's own requests." }),
})

const step = object({
  name: optional(string),
  weight: optional(int32, undefined, {
    description: 'Percent of the traffic for the new version. Default: as in the step before.',
  }),
  matches: optional(array(requestMatch), undefined, {
    description:
      'Requests that always get the new version; one of the list must match. Default: as in the step before.',
  }),
  gates: optional(array(gate), undefined, { description: 'All must pass before the next step begins.' }),
})

export const specSchema = object({
  targets: required(array(target)),
  steps: required(array(step)),
  onFailure: optional(
    object({
      action: optional(oneOf('Rollback', 'Pause'), undefined, {
        description:
          'Rollback (default): all traffic back to the old version. Pause: weight back to the old version, pods and matched requests stay for inspection, and a person decides.',
      }),
      canary: optional(oneOf('ScaleToZero', 'Keep'), undefined, {
        description: 'What becomes of the new version after a rollback. Default ScaleToZero.',
      }),
    }),
  ),
  onSuccess: optional(
    object({
      stable: optional(oneOf('ScaleToZero', 'Delete', 'Keep'), undefined, {
        description: 'What becomes of the old version. Default ScaleToZero.',
      }),
    }),
  ),
  progressDeadlineSeconds: optional(int32, undefined, {
    description: 'How long the release may stand without progress before it counts as failed. Default 600.',
  }),
})

const stepStatus = object({
  name: required(string),
  startedAt: required(time),
  liveAt: optional(time, undefined, { description: 'When every data plane had acknowledged the shift.' }),
  shiftMs: optional(int64, undefined, { description: 'From the first write of the shift until it was live.' }),
  finishedAt: optional(time),
  verdict: optional(string, undefined, { description: 'Passed, or why not.' }),
})

export const statusSchema = object({
  observedGeneration: optional(int64),
  phase: optional(
    oneOf('Pending', 'Progressing', 'Paused', 'Promoting', 'RollingBack', 'Succeeded', 'RolledBack'),
    undefined,
    { description: 'Paused: waits for a person.' },
  ),
  message: optional(string),
  currentStep: optional(
    object({
      index: required(int32, undefined, { description: 'From 1.' }),
      total: required(int32),
      name: required(string),
      state: required(
        oneOf('WaitingForPods', 'Shifting', 'WaitingForApproval', 'Waiting', 'Analysing', 'Finished', 'Failed'),
      ),
      since: required(time),
      liveAt: optional(time),
      message: required(string),
    }),
  ),
  waitsForPerson: optional(object({ reason: required(string), since: required(time) })),
  waitsUntil: optional(time, undefined, { description: 'When the current wait ends by itself.' }),
  steps: optional(array(stepStatus), undefined, { description: 'What happened so far, newest last; bounded.' }),
  traffic: optional(object({ stableWeight: required(int32), canaryWeight: required(int32) })),
  analysis: optional(
    object({
      requests: required(int64),
      failures: required(int64),
      successRate: optional(double),
      p99Ms: optional(double),
      verdict: optional(string),
    }),
    undefined,
    { description: "The new version's own requests, as the gate sees them." },
  ),
  conditions: optional(array(condition)),
  engine: optional(any, undefined, { description: 'What the engine needs to continue after a restart.' }),
})
