/**
 * The API server's own certificate authority and serving certificate, made once and kept in the data directory.
 * kubectl sends bearer tokens only over TLS, so a server with authentication needs a certificate.
 */
import { randomBytes, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { issueCertificate } from './tls/issue-certificate.ts'
import type { KeyAndCertificate } from './tls/issue-certificate.ts'

export interface ServingCertificate extends KeyAndCertificate {
  /** PEM of the authority: what clients must trust. */
  readonly ca: string
}

export interface CertificateOptions {
  readonly directory: string
  /** The IP address that clients use, besides loopback's. */
  readonly address: string
  readonly clock: Clock
}

const DAY_MS = 24 * 60 * 60_000
const CA_VALID_DAYS = 3650
const SERVING_VALID_DAYS = 365
/** A certificate that ends sooner than this is replaced at start. */
const RENEW_BEFORE_DAYS = 30
/** Clocks of clients may be behind ours. */
const BACKDATE_MS = 5 * 60_000
const LOOPBACK = ['127.0.0.1', '::1']

/**
 * Loads the certificates from the directory; makes those that are missing, near their end or not for the address.
 * Keys have mode 0600.
 */
export async function ensureCertificates(options: CertificateOptions): Promise<ServingCertificate> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  const authority = load(options, 'ca') ?? (await makeAuthority(options))
  const known = load(options, 'server')
  const isGood = known !== undefined && isIssuedBy(known, authority) && isFor(known, options.address)
  const serving = isGood ? known : await makeServing(options, authority)
  return { ca: authority.certificate, ...serving }
}

function load({ directory, clock }: CertificateOptions, name: string): KeyAndCertificate | undefined {
  const paths = pathsOf(directory, name)
  if (!existsSync(paths.certificate) || !existsSync(paths.privateKey)) return undefined
  const certificate = readFileSync(paths.certificate, 'utf8')
  const endsMs = new X509Certificate(certificate).validToDate.getTime()
  if (endsMs - clock.now() < RENEW_BEFORE_DAYS * DAY_MS) return undefined
  return { certificate, privateKey: readFileSync(paths.privateKey, 'utf8') }
}

function isIssuedBy(pair: KeyAndCertificate, authority: KeyAndCertificate): boolean {
  const issuer = new X509Certificate(authority.certificate)
  return new X509Certificate(pair.certificate).verify(issuer.publicKey)
}

function isFor({ certificate }: KeyAndCertificate, address: string): boolean {
  return new X509Certificate(certificate).checkIP(address) !== undefined
}

async function makeAuthority(options: CertificateOptions): Promise<KeyAndCertificate> {
  const issued = await issueCertificate({
    // A random part in the name: authorities of several data directories must not be taken for one another.
    subject: `sluice-ca-${randomBytes(4).toString('hex')}`,
    ...validity(options, CA_VALID_DAYS),
    use: { kind: 'authority' },
  })
  return save(options, 'ca', issued)
}

async function makeServing(options: CertificateOptions, issuer: KeyAndCertificate): Promise<KeyAndCertificate> {
  const issued = await issueCertificate({
    subject: 'sluice-api-server',
    ...validity(options, SERVING_VALID_DAYS),
    use: {
      kind: 'server',
      issuer,
      dnsNames: ['localhost', 'kubernetes', 'kubernetes.default.svc'],
      ips: [...new Set([...LOOPBACK, options.address])],
    },
  })
  return save(options, 'server', issued)
}

function validity({ clock }: CertificateOptions, days: number): { notBefore: Date; notAfter: Date } {
  const now = clock.now()
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) }
}

function save({ directory }: CertificateOptions, name: string, pair: KeyAndCertificate): KeyAndCertificate {
  const paths = pathsOf(directory, name)
  writeFileSync(paths.privateKey, pair.privateKey, { mode: 0o600 })
  writeFileSync(paths.certificate, pair.certificate, { mode: 0o644 })
  return pair
}

function pathsOf(directory: string, name: string): { certificate: string; privateKey: string } {
  return { certificate: join(directory, `${name}.crt`), privateKey: join(directory, `${name}.key`) }
}
