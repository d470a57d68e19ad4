/** Conversions lose nothing: what is read in a version and written back there is the object that was stored. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ROLLBACK_ANNOTATION } from './rollback-field.ts'
import { oldDeployments } from './old-versions.ts'
import type { Deployment } from './types.ts'

const annotations = fc.dictionary(
  fc.constantFrom(ROLLBACK_ANNOTATION, 'team', 'note'),
  fc.constantFrom('0', '3', '007', 'x', ''),
  { minKeys: 1 },
)

test('a stored Deployment comes back the same from every version', () => {
  const stored = fc.option(annotations, { nil: undefined }).map((noted): Deployment => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', ...(noted === undefined ? {} : { annotations: { ...noted } }) },
    spec: { selector: { matchLabels: { app: 'web' } }, template: { spec: { containers: [] } } },
  }))
  fc.assert(
    fc.property(stored, (object) => {
      for (const version of oldDeployments) {
        const there = version.fromHub?.(object) ?? object
        assert.deepEqual(version.toHub?.(there) ?? there, object)
      }
    }),
  )
})

test('a part of a Deployment converts too, as a server-side apply sends it', () => {
  for (const version of oldDeployments) {
    const part = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} } as Deployment
    assert.deepEqual(version.toHub?.(part) ?? part, part)
    assert.deepEqual(version.fromHub?.(part) ?? part, part)
  }
})
