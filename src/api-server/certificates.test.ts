import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { ensureCertificates } from './certificates.ts'
import { makeDataDir } from './testing/test-server.ts'
import type { KeyAndCertificate } from './tls/issue-certificate.ts'

const DAY_MS = 24 * 60 * 60_000
const LOCAL = { address: '127.0.0.1' }

test('the serving certificate is issued by the authority for the loopback names', async (t) => {
  const { ca, certificate } = await ensureCertificates({ directory: makeDataDir(t), ...LOCAL, clock: new FakeClock() })
  const authority = new X509Certificate(ca)
  const serving = new X509Certificate(certificate)
  assert.equal(authority.ca, true)
  assert.equal(serving.ca, false)
  assert.ok(serving.verify(authority.publicKey))
  assert.ok(serving.checkIssued(authority))
  assert.equal(serving.checkHost('localhost'), 'localhost')
  assert.equal(serving.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(serving.checkIP('::1'), '::1')
  assert.equal(serving.checkIP('10.0.0.1'), undefined)
})

test('certificates are kept, with keys only their owner can read', async (t) => {
  const directory = makeDataDir(t)
  const clock = new FakeClock()
  const first = await ensureCertificates({ directory, ...LOCAL, clock })
  assert.deepEqual(await ensureCertificates({ directory, ...LOCAL, clock }), first)
  assert.equal(statSync(join(directory, 'ca.key')).mode & 0o777, 0o600)
  assert.equal(statSync(join(directory, 'server.key')).mode & 0o777, 0o600)
})

test('a serving certificate near its end is renewed under the same authority', async (t) => {
  const directory = makeDataDir(t)
  const clock = new FakeClock()
  const first = await ensureCertificates({ directory, ...LOCAL, clock })
  await clock.advance(340 * DAY_MS)
  const second = await ensureCertificates({ directory, ...LOCAL, clock })
  assert.equal(second.ca, first.ca)
  assert.notEqual(second.certificate, first.certificate)
  assert.ok(new X509Certificate(second.certificate).verify(new X509Certificate(first.ca).publicKey))
})

test('validity beyond 2050 is written as certificates demand', async (t) => {
  const clock = new FakeClock(Date.UTC(2045, 0, 1))
  const { ca } = await ensureCertificates({ directory: makeDataDir(t), ...LOCAL, clock })
  assert.equal(new X509Certificate(ca).validToDate.getUTCFullYear(), 2054)
})

test('a certificate that is not for the address is replaced under the same authority', async (t) => {
  const directory = makeDataDir(t)
  const clock = new FakeClock()
  const first = await ensureCertificates({ directory, ...LOCAL, clock })
  const second = await ensureCertificates({ directory, address: '10.1.2.3', clock })
  assert.equal(second.ca, first.ca)
  assert.equal(new X509Certificate(second.certificate).checkIP('10.1.2.3'), '10.1.2.3')
  assert.equal(new X509Certificate(second.certificate).checkIP('127.0.0.1'), '127.0.0.1')
})

for (const file of ['server.crt', 'server.key']) {
  test(`a damaged ${file} is replaced under the same authority`, async (t) => {
    const options = { directory: makeDataDir(t), ...LOCAL, clock: new FakeClock() }
    const first = await ensureCertificates(options)
    writeFileSync(join(options.directory, file), '')
    const second = await ensureCertificates(options)
    assert.equal(second.ca, first.ca)
    assertBelongTogether(second)
    assert.deepEqual(await ensureCertificates(options), second, 'it is kept')
  })
}

test('a serving certificate with the key of another one is replaced', async (t) => {
  const options = { directory: makeDataDir(t), ...LOCAL, clock: new FakeClock() }
  await ensureCertificates(options)
  const caKey = readFileSync(join(options.directory, 'ca.key'), 'utf8')
  writeFileSync(join(options.directory, 'server.key'), caKey)
  assertBelongTogether(await ensureCertificates(options))
})

for (const file of ['ca.crt', 'ca.key']) {
  test(`a damaged ${file} is named with what to do, and stays as it is`, async (t) => {
    const options = { directory: makeDataDir(t), ...LOCAL, clock: new FakeClock() }
    await ensureCertificates(options)
    const path = join(options.directory, file)
    writeFileSync(path, 'no PEM')
    await assert.rejects(ensureCertificates(options), (error: Error) => {
      assert.ok(error.message.startsWith(`Cannot read the certificate authority in "${path}": `), error.message)
      assert.match(error.message, /Put a backup of it in its place, or delete ".*ca\.crt" and ".*ca\.key"/)
      return true
    })
    assert.equal(readFileSync(path, 'utf8'), 'no PEM')
  })
}

function assertBelongTogether({ certificate, privateKey }: KeyAndCertificate): void {
  assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey)))
}
