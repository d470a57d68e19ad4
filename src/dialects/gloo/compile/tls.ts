/** How the endpoints of an Upstream are spoken to over TLS. As in Gloo, only a Secret with `ca.crt` makes them verified. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { usesTls } from '../kinds/upstream.ts'
import type { UpstreamSpec } from '../kinds/upstream.ts'
import { objectKey } from '../../../kube/object.ts'
import type { ClientTls } from '../../../routing/cluster-model.ts'
import { errorAt, warningAt } from './findings.ts'
import type { TlsFiles, TlsSecrets } from '../../tls-secrets.ts'

export interface CompiledTls {
  /** Absent: plain text, unless there is an error. */
  readonly tls?: ClientTls
  readonly diagnostics: readonly Diagnostic[]
}

const SECRET_REF = 'spec.sslConfig.secretRef'

export function compileTls(secrets: TlsSecrets, namespace: string, spec: UpstreamSpec): CompiledTls {
  if (!usesTls(spec)) return { diagnostics: [] }
  const ref = spec.sslConfig?.secretRef
  if (ref === undefined) return { tls: tlsOf(spec, {}), diagnostics: [] }
  const { files, problem } = secrets.find(objectKey(ref.namespace ?? namespace, ref.name ?? ''))
  if (files === undefined) return { diagnostics: [errorAt(SECRET_REF, 'bad-secret', problem ?? '')] }
  const tls = tlsOf(spec, files)
  return {
    tls,
    diagnostics: [
      ...(problem === undefined
        ? []
        : [warningAt(SECRET_REF, 'bad-secret', `${problem}: what it last held is used until Sluice starts again`)]),
      ...(files.authorities === undefined ? [notVerified()] : []),
      ...(files.authorities !== undefined && spec.kube !== undefined && tls.serverName === undefined
        ? [nameMissing()]
        : []),
    ],
  }
}

function tlsOf(spec: UpstreamSpec, { certificate, privateKey, authorities }: TlsFiles): ClientTls {
  const serverName = serverNameOf(spec)
  const isMutual = certificate !== undefined && privateKey !== undefined && spec.sslConfig?.oneWayTls !== true
  return {
    ...(authorities === undefined ? { insecureSkipVerify: true } : { authorities }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(isMutual ? { certificate, privateKey } : {}),
  }
}

/** Undefined: the address of the endpoint. Hosts with different names have been refused. */
function serverNameOf({ sslConfig, static: spec }: UpstreamSpec): string | undefined {
  const hosts = spec?.hosts ?? []
  const first = spec?.autoSniRewrite === false ? hosts.find(({ addr = '' }) => !isAddress(addr))?.addr : undefined
  const names = [hosts[0]?.sniAddr, sslConfig?.sni, sslConfig?.verifySubjectAltName?.[0], first]
  return names.find((name) => name !== undefined && name !== '')
}

function isAddress(text: string): boolean {
  return /^[\d.]+$/.test(text) || text.includes(':')
}

function notVerified(): Diagnostic {
  const message =
    'The certificates of the endpoints are not verified, as in Gloo: who can answer in their place is believed. Put ca.crt into the Secret'
  return warningAt(SECRET_REF, 'not-verified', message)
}

/** Gloo verifies only who has signed. */
function nameMissing(): Diagnostic {
  const message =
    "The certificates must be for the pods' IP addresses: Sluice also verifies the name. Give the name that stands in them as sni"
  return warningAt('spec.sslConfig.sni', 'name-verified', message)
}
