/** Certificates for tests: an authority, and what it signs for servers and clients. */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { KeyObject, webcrypto } from 'node:crypto'

const ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
} as const
const VALID = { notBefore: new Date('2020-01-01'), notAfter: new Date('2099-01-01') }

export interface TestCertificate {
  readonly certificate: string
  readonly privateKey: string
}

export interface TestAuthority {
  readonly certificate: string
  /** For servers and clients of these DNS names. */
  issue(...names: readonly string[]): Promise<TestCertificate>
}

export async function testAuthority(name = 'test authority', kind: 'ec' | 'rsa' = 'ec'): Promise<TestAuthority> {
  const algorithm = ALGORITHMS[kind]
  x509.cryptoProvider.set(webcrypto)
  const keys = await generateKeys(kind)
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...VALID,
    serialNumber: '01',
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  let serial = 1
  return {
    certificate: root.toString('pem'),
    async issue(...names) {
      const own = await generateKeys(kind)
      serial++
      const certificate = await x509.X509CertificateGenerator.create({
        ...VALID,
        serialNumber: serial.toString(16).padStart(4, '0'),
        subject: `CN=${names[0] ?? 'nobody'}`,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
        ],
      })
      const privateKey = KeyObject.from(own.privateKey).export({ type: 'pkcs8', format: 'pem' })
      return { certificate: certificate.toString('pem'), privateKey }
    },
  }
}

function generateKeys(kind: 'ec' | 'rsa'): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHMS[kind], true, ['sign', 'verify'])
}
