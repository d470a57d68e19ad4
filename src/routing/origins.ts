/** Which origins a policy for requests across origins allows. */
import { compileValue } from './match.ts'
import type { CorsPolicy } from './policy-model.ts'

/** No origin is called `*`: as in Envoy, it stands for all. Throws on a broken regex (see `checkSnapshot`). */
export function compileOrigins({ allowOrigins }: Pick<CorsPolicy, 'allowOrigins'>): (origin: string) => boolean {
  if (allowOrigins.some((match) => match.kind === 'exact' && match.value === '*')) return () => true
  const tests = allowOrigins.map(compileValue)
  return (origin) => tests.some((test) => test(origin))
}
