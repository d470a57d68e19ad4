import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkObject } from './check.ts'
import { virtualServices } from '../dialects/gloo/kinds/virtual-service.ts'
import { completeRelease, releaseKindFor } from './release.ts'
import type { Release, ReleaseSpec, ReleaseStatus, ReleaseStep } from './release.ts'

const releaseKind = releaseKindFor([virtualServices])

const TARGET: ReleaseSpec['targets'][number] = {
  name: 'echo',
  stable: { kind: 'Deployment', name: 'echo-v2' },
  canary: { kind: 'Deployment', name: 'echo-v3' },
  routes: [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', namespace: 'gloo-system', name: 'echo' }],
}

function release(spec: Partial<ReleaseSpec> = {}, status?: ReleaseStatus): Release {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'echo-v3', namespace: 'echo' },
    spec: { targets: [TARGET], steps: [{ weight: 100 }], ...spec },
    ...(status === undefined ? {} : { status }),
  }
}

function defaulted(object: Release): Release {
  return releaseKind.defaults?.(object) ?? object
}

/** `field: message` of everything admission finds. */
function findings(object: Release, old?: Release): readonly string[] {
  return (releaseKind.validate?.(defaulted(object), old) ?? []).map(({ field, message }) => `${field}: ${message}`)
}

function stepFindings(...steps: readonly ReleaseStep[]): readonly string[] {
  return findings(release({ steps }))
}

test('what is left out is filled in', () => {
  const [{ namespace: _, ...route } = { name: '' }] = TARGET.routes
  const filled = completeRelease(
    release({
      targets: [{ ...TARGET, routes: [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', ...route }] }],
      steps: [
        { weight: 10, gates: [{ metrics: { latency: { max: '1s' } } }] },
        { name: 'all', weight: 100, matches: [{ headers: [{ name: 'stage', value: 'canary' }] }] },
      ],
    }),
  )
  assert.deepEqual(filled.spec, {
    targets: [
      {
        ...TARGET,
        scaling: 'Proportional',
        routes: [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', namespace: 'echo', name: 'echo' }],
      },
    ],
    steps: [
      {
        name: 'step-1',
        weight: 10,
        gates: [{ metrics: { minRequests: 20, window: '1m', latency: { max: '1s', percentile: 99 } } }],
      },
      {
        name: 'all',
        weight: 100,
        matches: [{ headers: [{ name: 'stage', type: 'Exact', value: 'canary' }] }],
        gates: [],
      },
    ],
    onFailure: { action: 'Rollback', canary: 'ScaleToZero' },
    onStart: { stable: 'RequireReady' },
    onSuccess: { stable: 'ScaleToZero' },
    progressDeadlineSeconds: 600,
  })
  assert.deepEqual(completeRelease(filled), filled)
})

test('unknown fields and wrong types are found by the schema, with their paths', () => {
  const steps = [{ name: 'one', weigth: 10, gates: [{ wait: { duration: 5 } }] }]
  const { errors, unknownFields } = checkObject(releaseKind.schema, {
    ...release(),
    spec: { targets: [TARGET], steps },
  })
  assert.deepEqual(unknownFields, ['spec.steps[0].weigth'])
  assert.deepEqual(
    errors.map(({ field }) => field),
    ['spec.steps[0].gates[0].wait.duration'],
  )
})

test('a good release has no findings', () => {
  assert.deepEqual(
    stepFindings(
      { name: 'smoke', matches: [{ headers: [{ name: 'stage', value: 'canary' }] }], gates: [{ approval: {} }] },
      {
        name: 'ten',
        weight: 10,
        gates: [{ metrics: { successRate: { min: 99.5 } } }, { wait: { duration: '1m30s' } }],
      },
      { name: 'hold', gates: [{ approval: {} }] },
    ),
    [],
  )
})

test('weights lie between 0 and 100 and never fall', () => {
  assert.deepEqual(stepFindings({ weight: -1 }, { weight: 101 }), [
    'spec.steps[0].weight: Invalid value: -1: must be between 0 and 100',
    'spec.steps[1].weight: Invalid value: 101: must be between 0 and 100',
  ])
  assert.deepEqual(stepFindings({ weight: 50 }, { gates: [{ approval: {} }] }, { weight: 10 }), [
    'spec.steps[2].weight: Invalid value: 10: must not be below the 50 of an earlier step',
  ])
})

test('steps need something to do and names of their own', () => {
  assert.deepEqual(stepFindings(), ['spec.steps: Required value: name at least one step'])
  assert.deepEqual(stepFindings({ name: 'a' }), [
    'spec.steps[0].weight: Required value: a step needs a weight, matches or gates',
  ])
  assert.deepEqual(stepFindings({ name: 'a', weight: 1 }, { name: 'a', weight: 2 }), [
    'spec.steps[1].name: Duplicate value: "a"',
  ])
})

test('each gate is exactly one, with durations, percentages and thresholds that can be met', () => {
  const gates = [
    {},
    { approval: {}, wait: { duration: '1s' } },
    { wait: { duration: 'soon' } },
    { wait: { duration: '0s' } },
    { metrics: {} },
    { metrics: { successRate: { min: 101 }, minRequests: 0, window: '-1s' } },
    { metrics: { latency: { percentile: 100, max: '500' } } },
  ]
  assert.deepEqual(stepFindings({ name: 'a', weight: 1, gates }), [
    'spec.steps[0].gates[0]: Required value: set one of approval, wait, metrics',
    'spec.steps[0].gates[1]: Invalid value: "approval, wait": must set exactly one of approval, wait, metrics',
    'spec.steps[0].gates[2].wait.duration: Invalid value: "soon": must be a duration above 0, such as 500ms, 30s, 5m or 1h30m',
    'spec.steps[0].gates[3].wait.duration: Invalid value: "0s": must be a duration above 0, such as 500ms, 30s, 5m or 1h30m',
    'spec.steps[0].gates[4].metrics: Required value: set successRate, latency or both; a gate without a threshold judges nothing',
    'spec.steps[0].gates[5].metrics.minRequests: Invalid value: 0: must be at least 1',
    'spec.steps[0].gates[5].metrics.successRate.min: Invalid value: 101: must be above 0 and at most 100',
    'spec.steps[0].gates[5].metrics.window: Invalid value: "-1s": must be a duration above 0, such as 500ms, 30s, 5m or 1h30m',
    'spec.steps[0].gates[6].metrics.latency.percentile: Invalid value: 100: must be between 0 and 100, both excluded',
    'spec.steps[0].gates[6].metrics.latency.max: Invalid value: "500": must be a duration above 0, such as 500ms, 30s, 5m or 1h30m',
  ])
})

test('matches name headers or parameters, with a value or Present, and regular expressions that compile', () => {
  const matches = [
    {},
    { headers: [{ name: 'bad name', value: 'x' }, { name: 'x' }, { name: 'y', type: 'Present' as const, value: 'z' }] },
    { queryParams: [{ name: 'q', type: 'RegularExpression' as const, value: '(' }] },
  ]
  const found = stepFindings({ name: 'a', weight: 1, matches })
  assert.deepEqual(found.slice(0, 4), [
    'spec.steps[0].matches[0]: Required value: a match without a header or query parameter would match every request',
    'spec.steps[0].matches[1].headers[0].name: Invalid value: "bad name": must be the name of an HTTP header',
    'spec.steps[0].matches[1].headers[1].value: Required value: or set type to Present',
    'spec.steps[0].matches[1].headers[2].value: Invalid value: "z": must not be set with type Present',
  ])
  assert.match(
    found[4] ?? '',
    /^spec\.steps\[0\]\.matches\[2\]\.queryParams\[0\]\.value: Invalid value: "\(": not an RE2/,
  )
})

test('targets are two different Deployments and routes of a kind that can be shifted, each named once', () => {
  const strange = {
    ...TARGET,
    name: 'Echo',
    stable: { kind: 'StatefulSet', name: 'echo-v2' },
    canary: { kind: 'StatefulSet', name: 'echo-v2' },
    routes: [{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'echo' }],
  }
  assert.deepEqual(findings(release({ targets: [strange] })), [
    'spec.targets[0].name: Invalid value: "Echo": must be a DNS label: a-z, 0-9 and -',
    'spec.targets[0].stable.kind: Unsupported value: "StatefulSet": supported values: "Deployment"',
    'spec.targets[0].canary.kind: Unsupported value: "StatefulSet": supported values: "Deployment"',
    'spec.targets[0].canary.name: Invalid value: "echo-v2": must be another workload than stable',
    'spec.targets[0].routes[0].kind: Unsupported value: "networking.k8s.io/v1 Ingress": supported values: "gateway.solo.io/v1 VirtualService"',
  ])
  assert.deepEqual(findings(release({ targets: [] })), ['spec.targets: Required value: name at least one target'])
  assert.deepEqual(findings(release({ targets: [TARGET, TARGET] })), [
    'spec.targets[1].name: Duplicate value: "echo"',
    'spec.targets[1].canary: Duplicate value: "Deployment/echo-v3"',
    'spec.targets[1].routes[0]: Duplicate value: "gateway.solo.io/v1 VirtualService gloo-system/echo"',
  ])
})

test('targets stay while the release is in progress, and nothing changes after its end', () => {
  const changed = release({ targets: [{ ...TARGET, canary: { kind: 'Deployment', name: 'echo-v4' } }] })
  const steps = [{ weight: 50 }, { weight: 100 }]
  const old = (phase: ReleaseStatus['phase']): Release => defaulted(release({}, phase === undefined ? {} : { phase }))
  assert.deepEqual(findings(changed, old('Pending')), [])
  assert.deepEqual(findings(changed, old('Progressing')), [
    'spec.targets: Forbidden: cannot change while the release is in progress; abort it and create another',
  ])
  assert.deepEqual(findings(release({ steps }), old('Progressing')), [])
  assert.deepEqual(findings(release({ steps }), old('Succeeded')), [
    'spec: Forbidden: the release has ended (Succeeded); create another Release',
  ])
  assert.deepEqual(findings(release(), old('Succeeded')), [])
})

test('kubectl get shows phase, step, weight and message', () => {
  const step = { index: 2, total: 4, name: 'ten-percent', state: 'Analysing', since: '', message: '' } as const
  const object = release(
    {},
    { phase: 'Progressing', message: 'waits', currentStep: step, traffic: { stableWeight: 90, canaryWeight: 10 } },
  )
  const cells = releaseKind.columns
    .filter(({ name }) => name !== 'Age')
    .map((column) => [column.name, column.cell(object, 0)])
  assert.deepEqual(cells, [
    ['Phase', 'Progressing'],
    ['Step', '2/4 ten-percent'],
    ['Weight', '10'],
    ['Message', 'waits'],
  ])
  assert.equal(releaseKind.columns.at(-1)?.name, 'Message')
})

test('the items of lists are stored as they were written, so that applying them again changes nothing', () => {
  const steps = [{ weight: 10, gates: [{ metrics: { latency: { max: '1s' } } }] }]
  const stored = defaulted(release({ steps }))
  assert.deepEqual(stored.spec.steps, steps)
  assert.equal(stored.spec.progressDeadlineSeconds, 600)
})
