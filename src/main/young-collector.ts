/** A collection of V8's young generation on demand. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function youngCollector(): () => void {
  // Contexts made from now on have the function; ours does not.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  return () => collect({ type: 'minor' })
}
