/** Numbers and keys as people read them. */
import { assertNever } from '../../base/assert.ts'
import type { HashKey } from '../route-model.ts'

/** `250 ms`, `10 s`, `1.5 s`, `5 min` */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms % 60_000 === 0) return `${ms / 60_000} min`
  return `${ms / 1_000} s`
}

/** `12.5 %`. Never 0 or 100 unless it is. */
export function percentText(share: number): string {
  const percent = Number((share * 100).toPrecision(4))
  return `${percent} %`
}

/** `1 try`, `3 tries` */
export function countText(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`
}

/** `header x-user` */
export function hashKeyText(key: HashKey): string {
  switch (key.kind) {
    case 'header':
    case 'query':
    case 'cookie':
      return `${key.kind} ${key.name}`
    case 'source-address':
      return 'the client’s address'
    default:
      return assertNever(key, 'hash key')
  }
}
