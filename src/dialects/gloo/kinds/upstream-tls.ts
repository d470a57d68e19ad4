/** Whether the endpoints of an Upstream are spoken to over TLS, and what of it is wrong as it stands. */
import type { FieldError } from '../../../kinds/kind.ts'
import { atMostOne, given, invalid, required } from '../../../kinds/field-errors.ts'
import type { SslConfig, UpstreamSpec } from './upstream-schema.ts'

/** A DNS name, as it is asked for by SNI. */
const SERVER_NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i
const SOURCES = ['secretRef', 'sslFiles', 'sds'] as const
const TLS_PORT = 443

/** By itself for port 443 of a static host. */
export function usesTls({ sslConfig, static: spec }: UpstreamSpec): boolean {
  if (sslConfig !== undefined) return true
  return spec?.useTls ?? spec?.hosts?.some(({ port }) => port === TLS_PORT) ?? false
}

export function checkTls({ sslConfig, static: spec }: UpstreamSpec): FieldError[] {
  return [
    ...(sslConfig === undefined ? [] : checkSslConfig('spec.sslConfig', sslConfig)),
    ...(spec?.hosts ?? []).flatMap(({ sniAddr = '' }, index) =>
      checkServerName(`spec.static.hosts[${index}].sniAddr`, sniAddr),
    ),
  ]
}

function checkSslConfig(path: string, sslConfig: SslConfig): FieldError[] {
  const { secretRef, sni = '', verifySubjectAltName: names = [] } = sslConfig
  return [
    ...atMostOne(path, given(sslConfig, SOURCES)),
    ...(secretRef !== undefined && (secretRef.name ?? '') === '' ? [required(`${path}.secretRef.name`)] : []),
    ...(names.length > 0 && given(sslConfig, SOURCES).length === 0
      ? [required(`${path}.secretRef`, 'names can be verified only with the certificate of an authority')]
      : []),
    ...checkServerName(`${path}.sni`, sni),
    ...names.flatMap((name, index) => checkServerName(`${path}.verifySubjectAltName[${index}]`, name)),
  ]
}

function checkServerName(field: string, name: string): FieldError[] {
  return name === '' || SERVER_NAME.test(name) ? [] : [invalid(field, name, 'must be a DNS name')]
}
