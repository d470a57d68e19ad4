/** What a VirtualService of the echo story says about versions. Pure. */
import type { Destination, Route, VirtualService } from '../gloo-objects.ts'
import type { Counts } from './checks.ts'

export interface ConfiguredRoutes {
  /** Percent of plain requests per version; empty when the routes name no versions. */
  readonly percents: Counts
  /** Where `stage: canary` goes, if a route asks for it. */
  readonly canaryVersion: string | undefined
}

export function configuredRoutes(virtualService: VirtualService | undefined): ConfiguredRoutes {
  const routes = virtualService?.spec?.virtualHost?.routes ?? []
  const plain = routes.find((route) => !asksForHeader(route))
  const canary = routes.find(asksForHeader)
  return {
    percents: plain === undefined ? {} : percentsOf(plain),
    canaryVersion:
      canary === undefined ? undefined : Object.entries(percentsOf(canary)).find(([, share]) => share === 100)?.[0],
  }
}

function asksForHeader({ matchers = [] }: Route): boolean {
  return matchers.some(({ headers = [] }) => headers.some(({ name }) => name === 'stage'))
}

function percentsOf({ routeAction }: Route): Counts {
  const single = versionOf(routeAction?.single)
  if (single !== undefined) return { [single]: 100 }
  const weighted = (routeAction?.multi?.destinations ?? []).map(({ destination, weight = 0 }) => ({
    version: versionOf(destination) ?? '',
    weight,
  }))
  const sum = weighted.reduce((total, { weight }) => total + weight, 0)
  return Object.fromEntries(weighted.map(({ version, weight }) => [version, sum === 0 ? 0 : (weight * 100) / sum]))
}

function versionOf(destination: Destination | undefined): string | undefined {
  return destination?.subset?.values?.['version']
}
