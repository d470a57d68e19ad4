/** A release's matches in Gloo's words. */
import type { Matcher } from '../kinds/virtual-service.ts'
import type { RequestMatch, ValueMatch } from '../../../release/model.ts'

/** The requests of `matcher` that also meet `match`. */
export function withMatch(matcher: Matcher, { headers, queryParams }: RequestMatch): Matcher {
  return {
    ...matcher,
    ...(headers.length === 0 ? {} : { headers: [...(matcher.headers ?? []), ...headers.map(toGloo)] }),
    ...(queryParams.length === 0
      ? {}
      : { queryParameters: [...(matcher.queryParameters ?? []), ...queryParams.map(toGloo)] }),
  }
}

/** In Gloo an absent value means that the header or parameter must be there. */
function toGloo({ name, type, value }: ValueMatch): { name: string; value?: string; regex?: boolean } {
  if (type === 'Present') return { name }
  return type === 'RegularExpression' ? { name, value, regex: true } : { name, value }
}
