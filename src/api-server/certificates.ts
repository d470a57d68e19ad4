/**
 * The API server's own certificate authority and serving certificate, made once and kept in the data directory.
 * kubectl sends bearer tokens only over TLS, so a server with authentication needs a certificate.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { writeDurably } from '../base/durable-file.ts'
import { messageOf } from '../base/errors.ts'
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
 * Loads the certificates from the directory; makes those that are missing, near their end or not for the address. Keys have mode
 * 0600. A damaged serving certificate is made anew. A damaged authority is an error that names the file and the cure: clients trust
 * it, so only a person may replace it.
 */
export async function ensureCertificates(options: CertificateOptions): Promise<ServingCertificate> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  const authority = loadAuthority(options) ?? (await makeAuthority(options))
  const known = loadServing(options)
  const isGood = known !== undefined && isIssuedBy(known, authority) && isFor(known, options.address)
  const serving = isGood ? known : await makeServing(options, authority)
  return { ca: authority.certificate, ...serving }
}

function loadAuthority(options: CertificateOptions): KeyAndCertificate | undefined {
  try {
    return load(options, 'ca')
  } catch (cause) {
    const { certificate, privateKey } = pathsOf(options.directory, 'ca')
    const cure =
      `Put a backup of it in its place, or delete "${certificate}" and "${privateKey}" to have a new authority made; ` +
      'clients then need the new kubeconfig'
    throw new Error(`Cannot read the certificate authority in ${messageOf(cause)}. ${cure}`, { cause })
  }
}

function loadServing(options: CertificateOptions): KeyAndCertificate | undefined {
  try {
    return load(options, 'server')
  } catch {
    // Damaged: clients trust its authority, so a new one costs them nothing.
    return undefined
  }
}

/** Undefined where it is missing or near its end. Throws where it is damaged: the message begins with the file. */
function load({ directory, clock }: CertificateOptions, name: string): KeyAndCertificate | undefined {
  const paths = pathsOf(directory, name)
  if (!existsSync(paths.certificate) || !existsSync(paths.privateKey)) return undefined
  const certificate = decode(paths.certificate, (pem) => new X509Certificate(pem))
  const privateKey = decode(paths.privateKey, createPrivateKey)
  if (!certificate.value.checkPrivateKey(privateKey.value)) {
    throw new Error(`"${paths.privateKey}": it is not the key of "${paths.certificate}"`)
  }
  const endsMs = certificate.value.validToDate.getTime()
  if (endsMs - clock.now() < RENEW_BEFORE_DAYS * DAY_MS) return undefined
  return { certificate: certificate.pem, privateKey: privateKey.pem }
}

function decode<T>(path: string, read: (pem: string) => T): { readonly pem: string; readonly value: T } {
  try {
    const pem = readFileSync(path, 'utf8')
    return { pem, value: read(pem) }
  } catch (cause) {
    throw new Error(`"${path}": ${messageOf(cause)}`, { cause })
  }
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
  writeDurably(paths.privateKey, pair.privateKey)
  writeDurably(paths.certificate, pair.certificate)
  return pair
}

function pathsOf(directory: string, name: string): { certificate: string; privateKey: string } {
  return { certificate: join(directory, `${name}.crt`), privateKey: join(directory, `${name}.key`) }
}
