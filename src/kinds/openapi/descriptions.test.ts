import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiV3 } from '../openapi.ts'
import { virtualServices } from '../../dialects/gloo/kinds/virtual-service.ts'
import { kinds } from '../../dialects/all.ts'
import { DESCRIPTIONS } from './descriptions.ts'

interface Component {
  readonly properties?: Readonly<Record<string, unknown>>
}

interface Described {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
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

test('the parts of a VirtualService that everybody writes are described', () => {
  const { components } = openApiV3(kinds, virtualServices) as { components: { schemas: Record<string, Described> } }
  const top = Object.entries(components.schemas).find(([name]) => name.endsWith('.VirtualService'))?.[1]
  const host = top?.properties?.['spec']?.properties?.['virtualHost']
  const route = host?.properties?.['routes']?.items
  const action = route?.properties?.['routeAction']
  const fields = [host, host?.properties?.['domains'], host?.properties?.['routes'], action]
  const parts = [
    ...fields,
    route?.properties?.['matchers'],
    action?.properties?.['multi'],
    action?.properties?.['single'],
  ]
  assert.ok(parts.every((part) => part?.description !== undefined))
})
