/** An object as the user knows it, in kubectl's words. */

export interface ObjectReference {
  /** API group; empty for Kubernetes' core. Gloo and Istio both have a VirtualService: only the group tells them apart. */
  readonly group: string
  readonly kind: string
  /** Empty for objects of the cluster as a whole. */
  readonly namespace: string
  readonly name: string
}

/** `virtualservice.gateway.solo.io/shop/web`. One text for one object: maps are keyed by it, messages show it. */
export function referenceText({ group, kind, namespace, name }: ObjectReference): string {
  const type = group === '' ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`
  return namespace === '' ? `${type}/${name}` : `${type}/${namespace}/${name}`
}

/** By code units, so that the order is the same on every machine. */
export function byText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
