/**
 * The API server's own certificate authority and serving certificate, made once and kept in the data directory.
 * kubectl sends bearer tokens only over TLS, so a server with authentication needs a certificate.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { issueCertificate } from './tls/issue-certificate.ts'

export interface ServingCertificate {
  /** PEM of the authority: what clients must trust. */
  readonly ca: string
  readonly certificate: string
  readonly privateKey: string
}

const DAY_MS = 24 * 60 * 60_000
const CA_VALID_DAYS = 3650
const SERVING_VALID_DAYS = 365
/** A certificate that ends sooner than this is replaced at start. */
const RENEW_BEFORE_DAYS = 30
/** Clocks of clients may be behind ours. */
const BACKDATE_MS = 5 * 60_000

/** Loads the certificates from `directory`; makes those that are missing or near their end. Keys have mode 0600. */
export function ensureCertificates(directory: string, clock: Clock): ServingCertificate {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const authority = load(directory, 'ca', clock) ?? makeAuthority(directory, clock)
  const serving = load(directory, 'server', clock)
  const { certificate, privateKey } =
    serving !== undefined && isIssuedBy(serving, authority) ? serving : makeServing(directory, clock, authority)
  return { ca: authority.certificate, certificate, privateKey }
}

interface Pair {
  readonly certificate: string
  readonly privateKey: string
}

function load(directory: string, name: string, clock: Clock): Pair | undefined {
  const paths = pathsOf(directory, name)
  if (!existsSync(paths.certificate) || !existsSync(paths.privateKey)) return undefined
  const certificate = readFileSync(paths.certificate, 'utf8')
  const endsMs = new X509Certificate(certificate).validToDate.getTime()
  if (endsMs - clock.now() < RENEW_BEFORE_DAYS * DAY_MS) return undefined
  return { certificate, privateKey: readFileSync(paths.privateKey, 'utf8') }
}

function isIssuedBy(pair: Pair, authority: Pair): boolean {
  const issuer = new X509Certificate(authority.certificate)
  return new X509Certificate(pair.certificate).verify(issuer.publicKey)
}

function makeAuthority(directory: string, clock: Clock): Pair {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // A random part in the name: authorities of several data directories must not be taken for one another.
  const name = `sluice-ca-${randomBytes(4).toString('hex')}`
  const certificate = issueCertificate({
    ...validity(clock, CA_VALID_DAYS),
    subject: name,
    publicKey: keys.publicKey,
    issuer: { name, privateKey: keys.privateKey, publicKey: keys.publicKey },
    use: { kind: 'authority' },
  })
  return save(directory, 'ca', certificate, keys.privateKey)
}

function makeServing(directory: string, clock: Clock, authority: Pair): Pair {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = new X509Certificate(authority.certificate)
  const certificate = issueCertificate({
    ...validity(clock, SERVING_VALID_DAYS),
    subject: 'sluice-api-server',
    publicKey: keys.publicKey,
    issuer: {
      name: issuer.subject.replace(/^CN=/, ''),
      privateKey: createPrivateKey(authority.privateKey),
      publicKey: issuer.publicKey,
    },
    use: { kind: 'server', dnsNames: ['localhost', 'kubernetes', 'kubernetes.default.svc'], ips: ['127.0.0.1', '::1'] },
  })
  return save(directory, 'server', certificate, keys.privateKey)
}

function validity(clock: Clock, days: number): { notBefore: Date; notAfter: Date } {
  const now = clock.now()
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) }
}

function save(directory: string, name: string, certificate: string, key: KeyObject): Pair {
  const paths = pathsOf(directory, name)
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(paths.privateKey, privateKey, { mode: 0o600 })
  writeFileSync(paths.certificate, certificate, { mode: 0o644 })
  return { certificate, privateKey }
}

function pathsOf(directory: string, name: string): { certificate: string; privateKey: string } {
  return { certificate: join(directory, `${name}.crt`), privateKey: join(directory, `${name}.key`) }
}
