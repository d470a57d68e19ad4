/** What the command line reads of Gloo's objects: as any client of the API it has its own view of them. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import type { StatusObject } from './status/judge.ts'

type Values = Readonly<Record<string, string>>

export interface Destination {
  readonly upstream?: { readonly namespace?: string; readonly name?: string }
  readonly subset?: { readonly values?: Values }
}

interface Matcher {
  readonly prefix?: string
  readonly exact?: string
  readonly regex?: string
  readonly headers?: readonly { readonly name?: string; readonly value?: string }[]
  readonly methods?: readonly string[]
}

export interface Route {
  readonly matchers?: readonly Matcher[]
  readonly routeAction?: {
    readonly single?: Destination
    readonly multi?: {
      readonly destinations?: readonly { readonly destination?: Destination; readonly weight?: number }[]
    }
  }
  readonly redirectAction?: unknown
  readonly directResponseAction?: { readonly status?: number }
}

export interface VirtualService extends KubeObject {
  readonly spec?: {
    readonly virtualHost?: { readonly domains?: readonly string[]; readonly routes?: readonly Route[] }
  }
  readonly status?: StatusObject['status']
}

export interface Upstream extends KubeObject {
  readonly spec?: {
    readonly kube?: {
      readonly serviceNamespace?: string
      readonly serviceName?: string
      readonly servicePort?: number
      readonly selector?: Values
      readonly subsetSpec?: { readonly selectors?: readonly { readonly keys?: readonly string[] }[] }
    }
    readonly static?: { readonly hosts?: readonly { readonly addr?: string; readonly port?: number }[] }
  }
  readonly status?: StatusObject['status']
}

export const virtualServices: ResourceType<VirtualService> = {
  group: 'gateway.solo.io',
  version: 'v1',
  kind: 'VirtualService',
  plural: 'virtualservices',
  namespaced: true,
}

export const upstreams: ResourceType<Upstream> = {
  group: 'gloo.solo.io',
  version: 'v1',
  kind: 'Upstream',
  plural: 'upstreams',
  namespaced: true,
}
