import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../dialects/all.ts'
import { openApiV3 } from '../openapi.ts'
import { releases } from '../release.ts'

interface Node {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly items?: Node
}

function undescribed(node: Node, path: string): readonly string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`
    const inside = [...undescribed(field, here), ...(field.items === undefined ? [] : undescribed(field.items, here))]
    return [...(field.description === undefined ? [here] : []), ...inside]
  })
}

test('kubectl explain has a sentence for every field of a Release', () => {
  const { components } = openApiV3(kinds, releases) as { components: { schemas: Record<string, Node> } }
  const release = Object.entries(components.schemas).find(([name]) => name.endsWith('.Release'))?.[1]
  assert.ok(release)
  for (const side of ['spec', 'status']) {
    const node: Node | undefined = release.properties?.[side]
    assert.ok(node?.properties, side)
    assert.deepEqual(undescribed(node, side), [])
  }
})
