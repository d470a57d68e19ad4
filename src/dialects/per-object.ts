/**
 * One result for each object of a type, remembered until something that it was made of changes. An object on which we fail
 * costs nobody else anything: its last result stays, and the object says so.
 */
import type { Family } from '../base/derivations.ts'
import { messageOf } from '../base/errors.ts'
import type { KubeObject, ObjectKey } from '../kube/object.ts'
import type { ObjectReport } from '../routing/part.ts'
import type { Objects, Watch } from './objects.ts'
import { reportOn } from './references.ts'

export interface PerObject<Result> {
  /** In no particular order. */
  all(): readonly Result[]
}

export interface Reported {
  readonly report: ObjectReport
}

/** `derive` gets the object as it is now. `nothing`: the result of an object that never had one, around its report. */
export function perObject<T extends KubeObject, Result extends Reported>(
  objects: Objects,
  watch: Watch<T>,
  derive: (object: T, key: ObjectKey) => Result,
  nothing: (report: ObjectReport) => Result,
): PerObject<Result> {
  const last = new Map<ObjectKey, Result>()
  let known: readonly ObjectKey[] = []
  const results: Family<Result | undefined> = objects.derivations.family((key) => {
    const object = objects.get(watch, key as ObjectKey)
    return object === undefined ? undefined : derive(object, key as ObjectKey)
  })
  const resultOf = (key: ObjectKey): readonly Result[] => {
    try {
      const result = results.get(key)
      if (result === undefined) return []
      last.set(key, result)
      return [result]
    } catch (error) {
      const object = objects.get(watch, key)
      return object === undefined ? [] : [afterFailure(object, error, last.get(key), nothing)]
    }
  }
  return {
    all() {
      const keys = objects.keys(watch)
      if (keys !== known) {
        const present = new Set(keys)
        for (const gone of known) {
          if (present.has(gone)) continue
          results.release(gone)
          last.delete(gone)
        }
        known = keys
      }
      return keys.flatMap(resultOf)
    },
  }
}

/** The failure is ours, not the user's; the object is where people look. */
function afterFailure<Result extends Reported>(
  object: KubeObject,
  error: unknown,
  last: Result | undefined,
  nothing: (report: ObjectReport) => Result,
): Result {
  const subject = reportOn(object)
  const kept = last?.report.uid === subject.uid ? last : undefined
  const served = kept?.report.served
  const rest = served === undefined ? 'nothing of it is served' : `generation ${served} is served on`
  const message = `Cannot compile this object because of an error in Sluice: ${messageOf(error)}; ${rest}. Please report it`
  const report: ObjectReport = {
    ...subject,
    diagnostics: [{ severity: 'error', code: 'compile-failed', path: '', message }],
    ...(served === undefined ? {} : { served }),
  }
  return kept === undefined ? nothing(report) : { ...kept, report }
}
