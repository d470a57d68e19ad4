/**
 * Certificates and keys out of Secrets. What is no good is found here: a data plane that met it would refuse everything. A
 * Secret that turns bad or goes away is used as it last was, as long as this process remembers it.
 */
import type { Secret } from '../../../kinds/secret.ts'
import type { ObjectKey } from '../../../kube/object.ts'
import { keyOf } from '../../../kube/object.ts'

/** PEM. A certificate has its key. */
export interface TlsFiles {
  readonly certificate?: string
  readonly privateKey?: string
  readonly authorities?: string
}

/** Why certificates and keys are no good, without anything of their content; undefined: they are good. */
type TlsJudge = (files: TlsFiles) => string | undefined

export type TlsFilesByKey = ReadonlyMap<ObjectKey, TlsFiles>

interface FoundFiles {
  /** Absent: there are none, and there never were. */
  readonly files?: TlsFiles
  /** Why the Secret cannot be used as it is now. */
  readonly problem?: string
}

export interface TlsSecrets {
  find(key: ObjectKey): FoundFiles
  /** What was found, to be remembered. */
  used(): TlsFilesByKey
}

export interface TlsSources {
  readonly secrets: readonly Secret[]
  /** What those that were used held last. */
  readonly tlsFiles: TlsFilesByKey
  readonly tlsProblem: TlsJudge
}

export function createTlsSecrets({ secrets, tlsFiles: last, tlsProblem }: TlsSources): TlsSecrets {
  const byKey = new Map(secrets.map((secret) => [keyOf(secret), secret]))
  const used = new Map<ObjectKey, TlsFiles>()
  return {
    find(key) {
      const found = readFiles(key, byKey.get(key), tlsProblem)
      const files = found.files ?? last.get(key)
      if (files !== undefined) used.set(key, files)
      return { ...found, ...(files === undefined ? {} : { files }) }
    },
    used: () => used,
  }
}

function readFiles(key: ObjectKey, secret: Secret | undefined, judge: TlsJudge): FoundFiles {
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
