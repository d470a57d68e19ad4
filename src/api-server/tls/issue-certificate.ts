/** Issues X.509 v3 certificates (RFC 5280) with ECDSA P-256 and SHA-256, by way of @peculiar/x509. */
import type * as X509Library from '@peculiar/x509'
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto'

export interface KeyAndCertificate {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly privateKey: string
}

export interface CertificateRequest {
  /** Common name. */
  readonly subject: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly use:
    | { readonly kind: 'authority' }
    | {
        readonly kind: 'server'
        readonly issuer: KeyAndCertificate
        readonly dnsNames: readonly string[]
        readonly ips: readonly string[]
      }
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Makes a key pair and its certificate: self-signed for an authority, signed by the issuer for a server. */
export async function issueCertificate(request: CertificateRequest): Promise<KeyAndCertificate> {
  const x509 = await library()
  const { use } = request
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const issuer = use.kind === 'server' ? new x509.X509Certificate(use.issuer.certificate) : undefined
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${request.subject}`,
    issuer: issuer?.subject ?? `CN=${request.subject}`,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey: keys.publicKey,
    signingKey: use.kind === 'server' ? await signingKey(use.issuer.privateKey) : keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...extensionsFor(x509, use),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer?.publicKey ?? keys.publicKey),
    ],
  })
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }),
  }
}

type Library = typeof X509Library

/** Loaded only when a certificate is really issued: at the first start, and once a year. */
async function library(): Promise<Library> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto)
  return x509
}

function extensionsFor(x509: Library, use: CertificateRequest['use']): InstanceType<Library['Extension']>[] {
  if (use.kind === 'authority') {
    return [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ]
  }
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      ...use.dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...use.ips.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ]
}

async function signingKey(pem: string): Promise<CryptoKey> {
  return createPrivateKey(pem).toCryptoKey(ALGORITHM, false, ['sign'])
}

/** 128 random bits; the top bits are set so that it is positive and always 16 bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
