/** What is wrong with a VirtualService as it stands, whatever else exists. */
import type { FieldError } from '../../../kinds/kind.ts'
import { checkRouteAction } from './check-destinations.ts'
import { checkMatchers } from './check-matchers.ts'
import { checkRouteOptions, checkVirtualHostOptions } from './check-options.ts'
import {
  atMostOne,
  checkPort,
  duplicate,
  exactlyOne,
  given,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../../kinds/field-errors.ts'
import { REDIRECT_STATUS, redirectStatus } from './redirect.ts'
import type {
  DirectResponseAction,
  RedirectAction,
  Route,
  VirtualHostOptions,
  VirtualService,
} from './virtual-service-schema.ts'

/** Envoy's limit for the body of a direct response. */
const DIRECT_RESPONSE_BODY_BYTES_MAX = 4_096
const ACTIONS = ['routeAction', 'redirectAction', 'directResponseAction', 'delegateAction'] as const
/** A host name, `*`, or `*.` and a host name, each with or without a port. */
const DOMAIN =
  /^(?:\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*)(?::\d{1,5})?$/i

export function virtualServiceErrors({ spec }: VirtualService): readonly FieldError[] {
  const host = spec?.virtualHost
  if (host === undefined) return [required('spec.virtualHost')]
  const { routes = [], options = {} } = host
  return [
    ...checkDomains('spec.virtualHost.domains', host.domains ?? []),
    ...checkVirtualHostOptions('spec.virtualHost.options', options),
    ...routes.flatMap((route, index) => checkRoute(`spec.virtualHost.routes[${index}]`, route, options)),
    ...checkRouteNames('spec.virtualHost.routes', routes),
  ]
}

function checkDomains(path: string, domains: readonly string[]): FieldError[] {
  const seen = new Set<string>()
  return domains.flatMap((domain, index) => {
    const field = `${path}[${index}]`
    if (domain === '') return [required(field, 'a host name or *')]
    if (!DOMAIN.test(domain)) return [invalid(field, domain, 'must be a host name, *.<host name> or *')]
    const isAgain = seen.has(domain.toLowerCase())
    seen.add(domain.toLowerCase())
    return isAgain ? [duplicate(field, domain)] : []
  })
}

function checkRouteNames(path: string, routes: readonly Route[]): FieldError[] {
  const seen = new Set<string>()
  return routes.flatMap(({ name = '' }, index) => {
    const isAgain = name !== '' && seen.has(name)
    seen.add(name)
    return isAgain ? [duplicate(`${path}[${index}].name`, name)] : []
  })
}

function checkRoute(path: string, route: Route, host: VirtualHostOptions): FieldError[] {
  const { matchers, routeAction, redirectAction, directResponseAction, options } = route
  return [
    ...exactlyOne(path, given(route, ACTIONS), ACTIONS),
    ...checkMatchers(`${path}.matchers`, matchers ?? []),
    ...(routeAction === undefined ? [] : checkRouteAction(`${path}.routeAction`, routeAction)),
    ...(redirectAction === undefined ? [] : checkRedirect(`${path}.redirectAction`, redirectAction)),
    ...(directResponseAction === undefined
      ? []
      : checkDirectResponse(`${path}.directResponseAction`, directResponseAction)),
    ...(options === undefined ? [] : checkRouteOptions(`${path}.options`, options, host)),
  ]
}

function checkRedirect(path: string, action: RedirectAction): FieldError[] {
  const { responseCode, portRedirect, pathRedirect } = action
  const supported = Object.keys(REDIRECT_STATUS)
  return [
    ...atMostOne(path, given(action, ['pathRedirect', 'prefixRewrite', 'regexRewrite'])),
    ...(redirectStatus(responseCode) === undefined
      ? [notSupported(`${path}.responseCode`, responseCode, supported)]
      : []),
    ...(portRedirect === undefined ? [] : checkPort(`${path}.portRedirect`, portRedirect)),
    ...(pathRedirect === undefined || pathRedirect === '' || pathRedirect.startsWith('/')
      ? []
      : [invalid(`${path}.pathRedirect`, pathRedirect, 'must begin with /')]),
  ]
}

function checkDirectResponse(path: string, { status, body }: DirectResponseAction): FieldError[] {
  const isStatus = status !== undefined && status >= 200 && status <= 599
  return [
    ...(status === undefined ? [required(`${path}.status`)] : []),
    ...(status === undefined || isStatus
      ? []
      : [invalid(`${path}.status`, status, 'must be between 200 and 599, inclusive')]),
    ...(Buffer.byteLength(body ?? '') > DIRECT_RESPONSE_BODY_BYTES_MAX
      ? [tooLong(`${path}.body`, DIRECT_RESPONSE_BODY_BYTES_MAX)]
      : []),
  ]
}
