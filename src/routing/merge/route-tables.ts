/** Route tables out of the claims of scopes. Listeners with the same scopes share one table. */
import { assertNever } from '../../base/assert.ts'
import type { Listener } from '../listener-model.ts'
import type { ListenerClaim, Scope } from '../part.ts'
import type { RouteTable, VirtualHost } from '../route-model.ts'

export function scopeKey(scope: Scope): string {
  switch (scope.kind) {
    case 'gateway':
      return scope.listener
    case 'mesh':
      return `mesh/${scope.namespace ?? '*'}/${scope.workload ?? '*'}`
    default:
      return assertNever(scope, 'scope')
  }
}

export class RouteTables {
  /** Hosts by scope, in the order in which their claims won. */
  #hosts = new Map<string, VirtualHost[]>()
  /** What was made of a host of which only some domains are left. */
  readonly #trimmed = new WeakMap<VirtualHost, VirtualHost>()
  #before = new Map<string, RouteTable>()

  begin(): void {
    this.#hosts = new Map()
  }

  /** `domains`: those that the claim won, in the host's order. */
  add(scope: string, host: VirtualHost, domains: readonly string[]): void {
    const hosts = this.#hosts.get(scope) ?? []
    hosts.push(domains.length === host.domains.length ? host : this.#trim(host, domains))
    this.#hosts.set(scope, hosts)
  }

  finish(claims: readonly ListenerClaim[]): {
    readonly routeTables: readonly RouteTable[]
    readonly listeners: readonly Listener[]
  } {
    const tables = new Map<string, RouteTable>()
    const listeners = claims.map(({ listener, scopes }): Listener => {
      const keys = scopes.map(scopeKey)
      const id = keys.join('+')
      if (!tables.has(id)) tables.set(id, this.#table(id, keys))
      return { ...listener, routeTable: id }
    })
    this.#before = tables
    return { routeTables: [...tables.values()], listeners }
  }

  #table(id: string, scopes: readonly string[]): RouteTable {
    const virtualHosts = scopes.length === 1 ? (this.#hosts.get(id) ?? []) : this.#stacked(scopes)
    const before = this.#before.get(id)
    return before !== undefined && isSameList(before.virtualHosts, virtualHosts) ? before : { id, virtualHosts }
  }

  /** A domain belongs to the first scope that has it. */
  #stacked(scopes: readonly string[]): readonly VirtualHost[] {
    const taken = new Set<string>()
    return scopes.flatMap((scope) => {
      const hosts = (this.#hosts.get(scope) ?? []).flatMap((host) => {
        const domains = host.domains.filter((domain) => !taken.has(domain.toLowerCase()))
        if (domains.length === 0) return []
        return [domains.length === host.domains.length ? host : this.#trim(host, domains)]
      })
      for (const domain of hosts.flatMap((host) => host.domains)) taken.add(domain.toLowerCase())
      return hosts
    })
  }

  #trim(host: VirtualHost, domains: readonly string[]): VirtualHost {
    const known = this.#trimmed.get(host)
    if (known !== undefined && isSameList(known.domains, domains)) return known
    const trimmed = { ...host, domains }
    this.#trimmed.set(host, trimmed)
    return trimmed
  }
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
