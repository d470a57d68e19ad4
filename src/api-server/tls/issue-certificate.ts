/** Issues X.509 v3 certificates (RFC 5280) with ECDSA P-256 and SHA-256. */
import { createHash, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import {
  bitString,
  boolean,
  explicit,
  implicit,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  unsignedInteger,
  utf8String,
} from './der.ts'
import type { Der } from './der.ts'

export interface CertificateRequest {
  /** Common name. */
  readonly subject: string
  readonly publicKey: KeyObject
  readonly notBefore: Date
  readonly notAfter: Date
  readonly issuer: { readonly name: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  readonly use:
    | { readonly kind: 'authority' }
    | { readonly kind: 'server'; readonly dnsNames: readonly string[]; readonly ips: readonly string[] }
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const VERSION_3 = explicit(0, unsignedInteger(Buffer.from([2])))

/** The certificate as PEM. */
export function issueCertificate(request: CertificateRequest): string {
  const body = sequence(
    VERSION_3,
    unsignedInteger(serialNumber()),
    ECDSA_WITH_SHA256,
    commonName(request.issuer.name),
    sequence(time(request.notBefore), time(request.notAfter)),
    commonName(request.subject),
    publicKeyInfo(request.publicKey),
    explicit(3, sequence(...extensions(request))),
  )
  const signature = sign('sha256', body, request.issuer.privateKey)
  return pem(sequence(body, ECDSA_WITH_SHA256, bitString(signature)))
}

/** 128 random bits; the top bit is cleared so that it stays 16 bytes. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function commonName(name: string): Der {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(name))))
}

function publicKeyInfo(key: KeyObject): Der {
  return key.export({ type: 'spki', format: 'der' })
}

function extensions({ use, publicKey, issuer }: CertificateRequest): Der[] {
  const identifiers = [
    extension('2.5.29.14', octetString(keyIdentifier(publicKey))),
    extension('2.5.29.35', sequence(implicit(0, keyIdentifier(issuer.publicKey)))),
  ]
  if (use.kind === 'authority') {
    return [
      critical('2.5.29.19', sequence(boolean(true))),
      // keyCertSign and cRLSign are bits 5 and 6.
      critical('2.5.29.15', bitString(Buffer.from([0b0000_0110]), 1)),
      ...identifiers,
    ]
  }
  return [
    critical('2.5.29.19', sequence()),
    // digitalSignature is bit 0.
    critical('2.5.29.15', bitString(Buffer.from([0b1000_0000]), 7)),
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', alternativeNames(use.dnsNames, use.ips)),
    ...identifiers,
  ]
}

function extension(id: string, value: Der): Der {
  return sequence(objectIdentifier(id), octetString(value))
}

function critical(id: string, value: Der): Der {
  return sequence(objectIdentifier(id), boolean(true), octetString(value))
}

function alternativeNames(dnsNames: readonly string[], ips: readonly string[]): Der {
  return sequence(
    ...dnsNames.map((name) => implicit(2, Buffer.from(name))),
    ...ips.map((ip) => implicit(7, addressBytes(ip))),
  )
}

function addressBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail = ''] = ip.split('::')
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  const all = [...groups(head), ...zeros, ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function groups(part: string): string[] {
  return part === '' ? [] : part.split(':')
}

/** RFC 5280 §4.2.1.2 method 1, over the whole key info: any unique value will do. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyInfo(key)).digest()
}

function pem(der: Der): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
