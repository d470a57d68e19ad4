/** CORS that cannot do what it is written for: preflights that no route takes, and wildcards beside credentials (Fetch standard). */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { noEffect } from './findings.ts'
import { textList } from './option-values.ts'
import type { Cors } from './options-schema.ts'
import type { Matcher, Route, VirtualServiceSpec } from './virtual-service-schema.ts'

type VirtualHost = NonNullable<VirtualServiceSpec['virtualHost']>

/** A browser asks for leave first, by OPTIONS, before it sends others (Fetch, CORS-safelisted method). */
const WITHOUT_PREFLIGHT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST'])

interface CorsRoute {
  readonly matcher: Matcher
  readonly at: string
  readonly asksFirst: boolean
}

/** `path` is that of the virtual host. */
export function unusedCors(path: string, { routes = [], options = {} }: VirtualHost): Diagnostic[] {
  const served = routes.flatMap((route, index) => corsRoutes(`${path}.routes[${index}]`, route, options.cors))
  const idle = served.filter(
    ({ matcher, asksFirst }) => asksFirst && !served.some((other) => takesPreflight(other.matcher, matcher)),
  )
  const why = 'browsers ask by OPTIONS first, and no route with cors takes that here. Add OPTIONS to its methods'
  return [
    ...idle.map(({ at }) => noEffect(`${at}.methods`, 'cors', why)),
    ...exposedAll(`${path}.options`, options.cors, options.cors),
    ...routes.flatMap((route, index) =>
      exposedAll(`${path}.routes[${index}].options`, route.options?.cors, options.cors),
    ),
  ]
}

function corsRoutes(path: string, { matchers = [], options }: Route, inherited: Cors | undefined): CorsRoute[] {
  const own = options?.cors
  const policies = [own, inherited].flatMap((policy) => policy ?? [])
  if (policies.length === 0 || own?.disableForRoute === true) return []
  const allowsHeaders = policies.some(({ allowHeaders }) => textList(allowHeaders).length > 0)
  return matchers.map((matcher, index) => {
    const { methods = [] } = matcher
    const asksFirst = methods.length > 0 && (allowsHeaders || methods.some((method) => !WITHOUT_PREFLIGHT.has(method)))
    return { matcher, at: `${path}.matchers[${index}]`, asksFirst }
  })
}

/** Whether the preflights of what `asked` matches get to `matcher`: surely not only where this is false. */
function takesPreflight(matcher: Matcher, asked: Matcher): boolean {
  const { methods = [], prefix = '/', exact, regex, connectMatcher } = matcher
  if (connectMatcher !== undefined || (methods.length > 0 && !methods.includes('OPTIONS'))) return false
  if (regex !== undefined || asked.regex !== undefined) return true
  const path = asked.exact ?? asked.prefix ?? '/'
  return exact === undefined ? path.startsWith(prefix) : exact === path
}

/** The data plane names what a preflight asks about; what a response exposes it cannot know before. */
function exposedAll(path: string, cors: Cors | undefined, inherited: Cors | undefined): Diagnostic[] {
  const hasCredentials = cors?.allowCredentials === true || inherited?.allowCredentials === true
  if (!hasCredentials || !textList(cors?.exposeHeaders).includes('*')) return []
  const why = 'beside allowCredentials it is no wildcard for browsers, and is left out. Name the headers'
  return [noEffect(`${path}.cors.exposeHeaders`, 'exposeHeaders: *', why)]
}
