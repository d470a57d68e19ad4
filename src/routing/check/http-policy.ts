/** Whether what a listener wants of its clients are numbers that can be kept to. */
import type { HttpLimits, Listener } from '../listener-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'
import { checkAccessLog, checkTracing } from './telling.ts'

/** The longest delay of a timer. */
const DURATION_MS_MAX = 2_147_483_647
/** A head is held as a whole. */
const HEAD_BYTES_MAX = 1024 * 1024
const FIELDS_MAX = 1_000
const HOPS_MAX = 100
const STREAMS_MAX = 65_535

const RANGES: Readonly<Record<keyof HttpLimits, readonly [min: number, max: number]>> = {
  headBytesMax: [64, HEAD_BYTES_MAX],
  headerFieldsMax: [1, FIELDS_MAX],
  bodyBytesMax: [0, Number.MAX_SAFE_INTEGER],
  connectionsMax: [1, DURATION_MS_MAX],
  headTimeoutMs: [1, DURATION_MS_MAX],
  bodyIdleTimeoutMs: [1, DURATION_MS_MAX],
  keepAliveTimeoutMs: [1, DURATION_MS_MAX],
  streamsMax: [1, STREAMS_MAX],
}

export function checkHttpPolicy({ id, http }: Listener, path: string): Problem[] {
  const { trustedHops, edge, limits = {} } = http ?? {}
  const numbers: readonly (readonly [string, number | undefined, readonly [number, number]])[] = [
    ['trustedHops', trustedHops, [0, edge === false ? 0 : HOPS_MAX]],
    ['limits.headBytesMax', limits.headBytesMax, RANGES.headBytesMax],
    ['limits.headerFieldsMax', limits.headerFieldsMax, RANGES.headerFieldsMax],
    ['limits.bodyBytesMax', limits.bodyBytesMax, RANGES.bodyBytesMax],
    ['limits.connectionsMax', limits.connectionsMax, RANGES.connectionsMax],
    ['limits.headTimeoutMs', limits.headTimeoutMs, RANGES.headTimeoutMs],
    ['limits.bodyIdleTimeoutMs', limits.bodyIdleTimeoutMs, RANGES.bodyIdleTimeoutMs],
    ['limits.keepAliveTimeoutMs', limits.keepAliveTimeoutMs, RANGES.keepAliveTimeoutMs],
    ['limits.streamsMax', limits.streamsMax, RANGES.streamsMax],
  ]
  return [
    ...checkAccessLog(http?.accessLog, `${path}.http.accessLog`),
    ...checkTracing(http?.tracing, `${path}.http.tracing`),
    ...numbers.flatMap(([field, value, [min, max]]) =>
      when(value !== undefined && !(Number.isInteger(value) && value >= min && value <= max), {
        code: 'bad-limit',
        path: `${path}.http.${field}`,
        message: `Cannot serve listener "${id}" with ${field} ${value}: it is not a whole number from ${min} to ${max}`,
      }),
    ),
  ]
}
