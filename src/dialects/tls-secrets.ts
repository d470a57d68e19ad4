/**
 * Certificates and keys out of Secrets. What is no good is found here: a data plane that met it would refuse everything. A
 * Secret that turns bad or goes away is used as it last was, as long as this process remembers it.
 */
import { isSameJson } from '../kube/json-value.ts'
import type { Family } from '../base/derivations.ts'
import { secrets } from '../kinds/secret.ts'
import type { Secret } from '../kinds/secret.ts'
import type { ObjectKey } from '../kube/object.ts'
import { watchOf } from './objects.ts'
import type { Objects } from './objects.ts'

export const secretWatch = watchOf<Secret>(
  secrets,
  (a, b) => a.metadata.uid === b.metadata.uid && isSameJson(a.data, b.data),
)

/** PEM. A certificate has its key. */
export interface TlsFiles {
  readonly certificate?: string
  readonly privateKey?: string
  readonly authorities?: string
}

/** Why certificates and keys are no good, without anything of their content; undefined: they are good. */
export type TlsJudge = (files: TlsFiles) => string | undefined

export interface FoundFiles {
  /** Absent: there are none, and there never were. */
  readonly files?: TlsFiles
  /** Why the Secret cannot be used as it is now. */
  readonly problem?: string
}

/** Holds private keys: in memory only. */
export class TlsSecrets {
  readonly #last = new Map<string, TlsFiles>()
  readonly #found: Family<FoundFiles>

  constructor(objects: Objects, judge: TlsJudge) {
    this.#found = objects.derivations.family((key) => {
      const found = readFiles(key, objects.get(secretWatch, key as ObjectKey), judge)
      const files = found.files ?? this.#last.get(key)
      if (files !== undefined) this.#last.set(key, files)
      return { ...found, ...(files === undefined ? {} : { files }) }
    }, isSameJson)
  }

  find(key: ObjectKey): FoundFiles {
    return this.#found.get(key)
  }
}

function readFiles(key: string, secret: Secret | undefined, judge: TlsJudge): FoundFiles {
  if (secret === undefined) return { problem: `Cannot find Secret "${key}"` }
  const [certificate, privateKey, authorities] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => textOf(secret, name))
  const files: TlsFiles = {
    ...(certificate === undefined ? {} : { certificate }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(authorities === undefined ? {} : { authorities }),
  }
  const why = whatIsMissing(files) ?? judge(files)
  return why === undefined ? { files } : { problem: `Cannot use Secret "${key}": ${why}` }
}

/** Empty is absent. */
function textOf({ data = {} }: Secret, name: string): string | undefined {
  const text = Buffer.from(data[name] ?? '', 'base64').toString('latin1')
  return text.trim() === '' ? undefined : text
}

function whatIsMissing({ certificate, privateKey, authorities }: TlsFiles): string | undefined {
  if (certificate === undefined && authorities === undefined) return 'it has neither tls.crt nor ca.crt'
  return (certificate === undefined) === (privateKey === undefined) ? undefined : 'tls.crt and tls.key belong together'
}
