/** What a URL of the Kubernetes API addresses. */

export interface ResourceTarget {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly namespace?: string
  readonly name?: string
  /** `status`, `scale`, `log`; also the rest of the path behind it, as for proxies. */
  readonly subresource?: string
  /** The old `/watch/` form of the path. */
  readonly watch: boolean
}

/**
 *     /api/v1/…                          core group
 *     /apis/{group}/{version}/…          named groups
 *     … [watch/] [namespaces/{namespace}/] {plural} [/{name} [/{subresource}]]
 *
 * Undefined for paths of another form, discovery's among them.
 */
export function parseTarget(path: string): ResourceTarget | undefined {
  const segments = decodeSegments(path)
  if (segments === undefined) return undefined
  const [root, second = '', third = ''] = segments
  if (root === 'api' && segments.length > 2) return inGroup('', second, segments.slice(2))
  if (root === 'apis' && segments.length > 3) return inGroup(second, third, segments.slice(3))
  return undefined
}

/** Names that may follow a namespace's own name: not resources inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

function inGroup(group: string, version: string, segments: readonly string[]): ResourceTarget | undefined {
  const watch = segments[0] === 'watch' && segments.length > 1
  const rest = watch ? segments.slice(1) : segments
  const [head = '', namespace, plural, ...more] = rest
  const isNamespaced = head === 'namespaces' && namespace !== undefined && plural !== undefined
  if (isNamespaced && !(group === '' && NAMESPACE_SUBRESOURCES.has(plural) && more.length === 0)) {
    return target({ group, version, watch, namespace, plural }, more)
  }
  return target({ group, version, watch, plural: head }, rest.slice(1))
}

function target(base: Omit<ResourceTarget, 'name' | 'subresource'>, tail: readonly string[]): ResourceTarget {
  const [name, ...subresource] = tail
  return {
    ...base,
    ...(name === undefined ? {} : { name }),
    ...(subresource.length === 0 ? {} : { subresource: subresource.join('/') }),
  }
}

function decodeSegments(path: string): readonly string[] | undefined {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
  } catch {
    // A broken percent escape addresses nothing.
    return undefined
  }
}
