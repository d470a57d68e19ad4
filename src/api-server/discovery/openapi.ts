/** `/openapi/v2` and `/openapi/v3`. */
import { createHash } from 'node:crypto'
import type { Kind } from '../../kinds/kind.ts'
import type { Exchange } from '../http/exchange.ts'
import { jsonReply } from '../http/reply.ts'
import type { Reply } from '../http/reply.ts'
import type { Registry } from '../registry/registry.ts'

const V2 = Buffer.concat([lengthDelimited(1, Buffer.from('2.0')), lengthDelimited(2, info())])

export function openApiReply(registry: Registry, exchange: Exchange): Reply | undefined {
  if (exchange.path === '/openapi/v2') {
    return {
      code: 200,
      contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
      body: V2,
      headers: { ETag: '"1"', Vary: 'Accept' },
    }
  }
  if (exchange.path === '/openapi/v3') return jsonReply(200, index(registry))
  if (!exchange.path.startsWith('/openapi/v3/')) return undefined
  const path = exchange.path.slice('/openapi/v3/'.length)
  const document = documents(registry).get(path)
  return document === undefined ? undefined : jsonReply(200, document)
}

function index(registry: Registry): object {
  const paths = [...documents(registry)].map(([path, document]) => {
    const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 32)
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]
  })
  return { paths: Object.fromEntries(paths) as unknown }
}

function documents(registry: Registry): ReadonlyMap<string, object> {
  return new Map(
    [...registry.groups()].flatMap(([group, versions]) =>
      versions.map((version) => [
        pathOf(group, version),
        {
          openapi: '3.0.0',
          info: { title: 'Sluice', version: '1' },
          paths: Object.fromEntries(registry.inGroupVersion(group, version).map(pathItem)) as unknown,
          components: { schemas: {} },
        },
      ]),
    ),
  )
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

function pathItem({ type }: Kind): [string, object] {
  const scope = type.namespaced ? 'namespaces/{namespace}/' : ''
  const gvk = { group: type.group, version: type.version, kind: type.kind }
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string' },
  }))
  const patch = { parameters, responses: {}, 'x-kubernetes-group-version-kind': gvk }
  return [`/${pathOf(type.group, type.version)}/${scope}${type.plural}/{name}`, { patch }]
}

function info(): Buffer {
  return Buffer.concat([lengthDelimited(1, Buffer.from('Sluice')), lengthDelimited(2, Buffer.from('v1'))])
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes])
}
