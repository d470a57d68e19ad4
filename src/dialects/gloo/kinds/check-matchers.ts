/** What is wrong with a route's matchers. */
import type { FieldError } from '../../../kinds/kind.ts'
import { checkRegex, exactlyOne, given, invalid, required } from '../../../kinds/field-errors.ts'
import type { HeaderMatcher, Matcher, QueryParameterMatcher } from './virtual-service-schema.ts'

const PATHS = ['prefix', 'exact', 'regex', 'connectMatcher'] as const
/** RFC 9110 token, or a pseudo-header of HTTP/2 as Envoy names it. */
const HEADER_NAME = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const METHOD = /^[A-Z][A-Z_-]*$/

export function checkMatchers(path: string, matchers: readonly Matcher[]): FieldError[] {
  return matchers.flatMap((matcher, index) => checkMatcher(`${path}[${index}]`, matcher))
}

function checkMatcher(path: string, matcher: Matcher): FieldError[] {
  return [
    ...exactlyOne(path, given(matcher, PATHS), PATHS),
    ...checkPath(`${path}.prefix`, matcher.prefix),
    ...checkPath(`${path}.exact`, matcher.exact),
    ...(matcher.regex === undefined ? [] : checkRegex(`${path}.regex`, matcher.regex)),
    ...(matcher.headers ?? []).flatMap((header, index) => checkHeader(`${path}.headers[${index}]`, header)),
    ...(matcher.queryParameters ?? []).flatMap((query, index) =>
      checkQuery(`${path}.queryParameters[${index}]`, query),
    ),
    ...(matcher.methods ?? []).flatMap((method, index) => checkMethod(`${path}.methods[${index}]`, method)),
    ...checkConnect(path, matcher),
  ]
}

function checkConnect(path: string, { connectMatcher, methods = [] }: Matcher): FieldError[] {
  if (connectMatcher === undefined || methods.every((method) => method === 'CONNECT')) return []
  return [invalid(`${path}.methods`, methods, 'must be CONNECT beside connectMatcher, or no request can match it')]
}

function checkPath(field: string, value: string | undefined): FieldError[] {
  if (value === undefined || value.startsWith('/')) return []
  return [invalid(field, value, 'must begin with /, or no request can match it')]
}

function checkHeader(path: string, { name, value, regex }: HeaderMatcher): FieldError[] {
  if (name === undefined || name === '') return [required(`${path}.name`)]
  return [
    ...(HEADER_NAME.test(name) ? [] : [invalid(`${path}.name`, name, 'must be a header name')]),
    ...(regex === true ? checkRegex(`${path}.value`, value ?? '') : []),
  ]
}

function checkQuery(path: string, { name, value, regex }: QueryParameterMatcher): FieldError[] {
  return [
    ...(name === undefined || name === '' ? [required(`${path}.name`)] : []),
    ...(regex === true ? checkRegex(`${path}.value`, value ?? '') : []),
  ]
}

function checkMethod(field: string, method: string): FieldError[] {
  if (METHOD.test(method)) return []
  return [invalid(field, method, 'must be an HTTP method in upper case, or no request can match it')]
}
