/** The routing model's conditions: what of a request a route asks for. */

export interface Match {
  readonly path: PathMatch
  /**
   * Upper case; empty = any but `CONNECT`. A route that names `CONNECT` and forwards opens tunnels: the host is the target's,
   * the path `/`, and the bytes that follow go to an endpoint of the destination and back as they are.
   */
  readonly methods: readonly string[]
  /** All must hold. */
  readonly headers: readonly HeaderMatch[]
  readonly query: readonly QueryMatch[]
}

/**
 * `prefix` is a plain string prefix (`/foo` matches `/foobar`); `path-prefix` goes by path element (it does not).
 * `regex` is RE2 and matches the whole path. The query string is never part of the path.
 */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'path-prefix' | 'regex'
  readonly value: string
  readonly caseSensitive: boolean
}

/** `regex` is RE2 and matches the whole value; `present` asks only that there is one. */
export type ValueMatch =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'regex'; readonly value: string }
  | { readonly kind: 'present' }

export interface HeaderMatch {
  /** Lower case. `:authority`, `:method`, `:scheme` and `:path` (with the query) stand for what HTTP/2 calls so. */
  readonly name: string
  readonly value: ValueMatch
  /** True: the match must not hold. */
  readonly invert: boolean
}

export interface QueryMatch {
  readonly name: string
  readonly value: ValueMatch
}
