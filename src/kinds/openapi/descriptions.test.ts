import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiV3 } from '../openapi.ts'
import { kinds } from '../registry.ts'
import { DESCRIPTIONS } from './descriptions.ts'

interface Component {
  readonly properties?: Readonly<Record<string, unknown>>
}

test('every description belongs to something that is published', () => {
  const groups = kinds.map(
    ({ type }) => openApiV3(kinds, type) as { components: { schemas: Record<string, Component> } },
  )
  const published = new Set(
    groups.flatMap(({ components }) =>
      Object.entries(components.schemas).flatMap(([name, { properties = {} }]) => {
        const title = name.slice(name.lastIndexOf('.') + 1)
        return [title, ...Object.keys(properties).map((field) => `${title}.${field}`)]
      }),
    ),
  )
  assert.deepEqual(
    Object.keys(DESCRIPTIONS).filter((path) => !published.has(path)),
    [],
  )
})
