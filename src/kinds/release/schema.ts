/** The fields of a Release, spec and status. Closed: an unknown field is reported. */
import { condition } from '../metadata.ts'
import {
  any,
  array,
  boolean,
  double,
  int32,
  int64,
  object,
  oneOf,
  optional,
  required,
  string,
  time,
} from '../schema.ts'

const workloadRef = object({
  kind: required(string, undefined, { description: 'Kind of the workload: Deployment.' }),
  name: required(string, undefined, { description: "Its name, in the Release's namespace." }),
})

const routeRef = object({
  apiVersion: required(string, undefined, { description: 'API of the object: gateway.solo.io/v1.' }),
  kind: required(string, undefined, { description: 'Kind of the object: VirtualService.' }),
  namespace: optional(string, undefined, { description: "Default: the Release's namespace." }),
  name: required(string, undefined, { description: 'Its name.' }),
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
  name: required(string, undefined, { description: 'Name of the header or query parameter.' }),
  type: optional(oneOf('Exact', 'RegularExpression', 'Present'), undefined, {
    description: 'How the value is compared. Default Exact; Present: any value will do.',
  }),
  value: optional(string, undefined, { description: 'What it is compared with; none for Present.' }),
})

const requestMatch = object({
  headers: optional(array(valueMatch), undefined, { description: 'Headers of the request; all must match.' }),
  queryParams: optional(array(valueMatch), undefined, {
    description: 'Query parameters of the request; all must match.',
  }),
})

const metricsGate = object({
  minRequests: optional(int32, undefined, {
    description: 'No verdict before the canary has served this many requests since the step is live. Default 20.',
  }),
  successRate: optional(
    object({ min: required(double, undefined, { description: 'Percent of requests without a failure.' }) }),
    undefined,
    { description: 'How many of the requests must succeed.' },
  ),
  latency: optional(
    object({
      percentile: optional(double, undefined, { description: 'Default 99.' }),
      max: required(string, undefined, { description: 'A duration, such as 500ms.' }),
    }),
    undefined,
    { description: 'How long the requests may take.' },
  ),
  window: optional(string, undefined, {
    description: 'How far back requests count, never before the step was live. Default 1m.',
  }),
})

const gateFields = {
  approval: optional(object({}), undefined, { description: 'Wait for a person: sluice release approve.' }),
  wait: optional(
    object({ duration: required(string, undefined, { description: 'How long, such as 30s or 5m.' }) }),
    undefined,
    { description: 'Wait a time after live.' },
  ),
  metrics: optional(metricsGate, undefined, { description: "Judge the canary's own requests." }),
}
// Argo Rollouts has one word for both.
const gate = object(gateFields, { instead: { pause: '"approval: {}" or "wait: { duration: 30s }"' } })

const step = object({
  name: optional(string, undefined, {
    description: 'How messages and approvals call this step. Default: step-1, step-2 and so on.',
  }),
  weight: optional(int32, undefined, {
    description: 'Percent of the traffic for the canary. Default: as in the step before.',
  }),
  matches: optional(array(requestMatch), undefined, {
    description: 'Requests that always get the canary; one of the list must match. Default: as in the step before.',
  }),
  gates: optional(array(gate), undefined, { description: 'All must pass before the next step begins.' }),
})

export const specSchema = object({
  targets: required(array(target), undefined, {
    description: 'What is released: one or more pairs of versions that move together.',
  }),
  steps: required(array(step), undefined, { description: 'How the traffic moves, one step after the other.' }),
  onFailure: optional(
    object({
      action: optional(oneOf('Rollback', 'Pause'), undefined, {
        description:
          'Rollback (default): all traffic back to stable. Pause: weight back to stable, pods and matched requests stay for inspection, and a person decides.',
      }),
      canary: optional(oneOf('ScaleToZero', 'Keep'), undefined, {
        description: 'What becomes of the canary after a rollback. Default ScaleToZero.',
      }),
    }),
    undefined,
    { description: 'What to do when a step fails.' },
  ),
  onStart: optional(
    object({
      stable: optional(oneOf('RequireReady', 'AllowUnready'), undefined, {
        description:
          'RequireReady (default): the release starts when stable has a ready endpoint; without one its share of the traffic goes elsewhere. AllowUnready: it starts all the same.',
      }),
    }),
    undefined,
    { description: 'What must hold before the first step.' },
  ),
  onSuccess: optional(
    object({
      stable: optional(oneOf('ScaleToZero', 'Delete', 'Keep'), undefined, {
        description: 'What becomes of stable. Default ScaleToZero.',
      }),
    }),
    undefined,
    { description: 'What to do when all steps have passed.' },
  ),
  paused: optional(boolean, undefined, {
    description: 'True holds the release where it is: nothing goes further, but what fails still goes back.',
  }),
  progressDeadlineSeconds: optional(int32, undefined, {
    description: 'How long the release may stand without progress before it counts as failed. Default 600.',
  }),
})

const attemptStatus = object({
  number: required(int32, undefined, { description: 'From 1.' }),
  revision: optional(string, undefined, { description: "Of the canaries' pod templates." }),
  startedAt: required(time, undefined, { description: 'When its first step began.' }),
  finishedAt: optional(time, undefined, { description: 'When it ended.' }),
  outcome: optional(oneOf('Succeeded', 'RolledBack', 'NeverStarted', 'Replaced'), undefined, {
    description: 'How it ended; Replaced: the canary got another pod template meanwhile.',
  }),
  why: optional(string, undefined, { description: 'Why it ended so.' }),
})

const podLog = object({
  pod: required(string, undefined, { description: 'Name of the pod.' }),
  container: required(string, undefined, { description: 'Name of the container.' }),
  lines: required(array(string), undefined, { description: 'Its last lines, oldest first; bounded.' }),
})

const stepStatus = object({
  name: required(string, undefined, { description: 'Name of the step.' }),
  startedAt: required(time, undefined, { description: 'When the step began.' }),
  liveAt: optional(time, undefined, { description: 'When every proxy had acknowledged the shift.' }),
  shiftMs: optional(int64, undefined, { description: 'From the first write of the shift until it was live.' }),
  finishedAt: optional(time, undefined, { description: 'When the step was decided.' }),
  verdict: optional(string, undefined, { description: 'Passed, or why not.' }),
})

export const statusSchema = object({
  observedGeneration: optional(int64, undefined, {
    description: 'The generation of the Release that this status is about.',
  }),
  phase: optional(
    oneOf('Pending', 'Progressing', 'Paused', 'Promoting', 'RollingBack', 'Succeeded', 'RolledBack'),
    undefined,
    { description: 'Paused: waits for a person.' },
  ),
  message: optional(string, undefined, { description: 'What the release does or waits for, or how it ended.' }),
  currentStep: optional(
    object({
      index: required(int32, undefined, { description: 'From 1.' }),
      total: required(int32, undefined, { description: 'How many steps there are.' }),
      name: required(string, undefined, { description: 'Name of the step.' }),
      state: required(
        oneOf('WaitingForPods', 'Shifting', 'WaitingForApproval', 'Waiting', 'Analysing', 'Finished', 'Failed'),
        undefined,
        { description: 'What the step does or waits for.' },
      ),
      since: required(time, undefined, { description: 'When this state began.' }),
      liveAt: optional(time, undefined, { description: 'When every proxy had acknowledged the shift.' }),
      message: required(string, undefined, { description: 'The same as a sentence.' }),
    }),
    undefined,
    { description: 'The step the release is in.' },
  ),
  canaryRevision: optional(string, undefined, {
    description: "Of the canaries' pod templates as seen last. Approvals are for this one: STEP@REVISION.",
  }),
  approvals: optional(
    array(
      object({
        step: required(string, undefined, { description: 'Name of the step.' }),
        revision: required(string, undefined, { description: 'The revision of the canary that it was given for.' }),
      }),
    ),
    undefined,
    { description: 'Approvals that wait for their steps. Another revision of the canary voids them.' },
  ),
  waitsForPerson: optional(
    object({
      reason: required(string, undefined, { description: 'What the person is to decide.' }),
      since: required(time, undefined, { description: 'Since when it has waited.' }),
    }),
    undefined,
    { description: 'Set while nothing but a person can bring the release further.' },
  ),
  waitsUntil: optional(time, undefined, { description: 'When the current wait ends by itself.' }),
  steps: optional(array(stepStatus), undefined, { description: 'What happened so far, newest last; bounded.' }),
  traffic: optional(
    object({
      stableWeight: required(int32, undefined, { description: 'Percent of the traffic for stable.' }),
      canaryWeight: required(int32, undefined, { description: 'Percent of the traffic for the canary.' }),
      observed: optional(
        object({
          stableWeight: required(int32, undefined, { description: 'Percent of the requests that stable answered.' }),
          canaryWeight: required(int32, undefined, {
            description: 'Percent of the requests that the canary answered.',
          }),
        }),
        undefined,
        { description: 'Who answered the requests of the last minute, where that is not what the routes say.' },
      ),
      reason: optional(string, undefined, { description: 'Why requests do not go where the routes say.' }),
    }),
    undefined,
    { description: 'How the routes split the traffic now.' },
  ),
  analysis: optional(
    object({
      requests: required(int64, undefined, { description: 'How many requests counted.' }),
      failures: required(int64, undefined, { description: 'How many of them failed.' }),
      successRate: optional(double, undefined, { description: 'Percent of requests without a failure.' }),
      p99Ms: optional(double, undefined, { description: '99 of 100 requests took at most so many milliseconds.' }),
      verdict: optional(string, undefined, { description: 'What the gate made of them: pass, fail or not-enough.' }),
    }),
    undefined,
    { description: "The canary's own requests, as the gate sees them." },
  ),
  attempts: optional(array(attemptStatus), undefined, { description: 'The tries so far, newest last; bounded.' }),
  evidence: optional(
    object({
      at: required(time, undefined, { description: 'When the failure was decided.' }),
      step: optional(string, undefined, { description: 'In which step.' }),
      reading: required(string, undefined, { description: 'The reading that decided.' }),
      logs: required(array(podLog), undefined, { description: "The last log lines of the failed canary's pods." }),
    }),
    undefined,
    { description: 'What was seen when the last try failed. Kept until the next one begins.' },
  ),
  conditions: optional(array(condition), undefined, { description: 'Progressing and Succeeded.' }),
  stateCount: optional(int64, undefined, {
    description:
      'Number of the state that this status shows. The state itself is kept in a ControllerRevision that the Release owns.',
  }),
  engine: optional(any, undefined, {
    description: 'Written by Sluice before 0.1.0, and moved to the ControllerRevision when Sluice reads it.',
  }),
})
