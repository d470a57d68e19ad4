/** TLS of an Upstream out of a Secret: what endpoints are shown, whom they must be, and Secrets that are no good. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { testAuthority } from '../../../test/support/certificates.ts'
import type { TestCertificate } from '../../../test/support/certificates.ts'
import { CompiledWorld, compileObjects, findingsOf } from '../../../test/support/compile.ts'
import { glooObjects, hostsAt } from '../../../test/support/gloo.ts'
import { fetchFrom, startProxy } from '../../../test/support/live-proxy.ts'
import type { SslConfig } from './kinds/upstream.ts'
import type { Secret } from '../../kinds/secret.ts'
import type { KubeObject } from '../../kube/object.ts'

const VIRTUAL_HOST = `routes: [{ routeAction: { single: { upstream: { name: echo } } } }]`
const SECRET_REF = { secretRef: { name: 'echo-tls' } }

const authority = await testAuthority()
const other = await testAuthority('another authority')
const server = await authority.issue('echo.test')
const client = await authority.issue('gateway')

/** Answers with whether a good certificate was shown. */
async function startSecure(t: TestContext): Promise<number> {
  const options = { cert: server.certificate, key: server.privateKey, ca: authority.certificate, requestCert: true }
  const secure = createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
    response.end((request.socket as TLSSocket).authorized ? 'known' : 'stranger')
  })
  await new Promise<void>((resolve) => {
    secure.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    secure.closeAllConnections()
    secure.close()
  })
  return (secure.address() as AddressInfo).port
}

function secretOf(files: Readonly<Record<string, string>>): Secret {
  const data = Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')])
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'gloo-system', name: 'echo-tls' },
    data: Object.fromEntries(data) as Readonly<Record<string, string>>,
  }
}

function filesOf({ certificate, privateKey }: TestCertificate): Readonly<Record<string, string>> {
  return { 'tls.crt': certificate, 'tls.key': privateKey }
}

function objectsOf(port: number, sslConfig: SslConfig, secrets: readonly Secret[]): readonly KubeObject[] {
  return glooObjects({ virtualHost: VIRTUAL_HOST, upstreams: { echo: { ...hostsAt(port), sslConfig } }, secrets })
}

async function ask(t: TestContext, sslConfig: SslConfig, secrets: readonly Secret[]): Promise<string> {
  const { port } = await startProxy(t, compileObjects(objectsOf(await startSecure(t), sslConfig, secrets)))
  const { status, body } = await fetchFrom(port)
  return `${status} ${status === 200 ? body : ''}`.trim()
}

test('the gateway shows its certificate, and verifies that of the endpoint', async (t) => {
  const secret = secretOf({ ...filesOf(client), 'ca.crt': authority.certificate })
  assert.equal(await ask(t, { ...SECRET_REF, sni: 'echo.test' }, [secret]), '200 known')
  assert.equal(await ask(t, { ...SECRET_REF, sni: 'echo.test', oneWayTls: true }, [secret]), '200 stranger')
  assert.equal(await ask(t, { ...SECRET_REF, verifySubjectAltName: ['echo.test'] }, [secret]), '200 known')
  assert.equal(await ask(t, { ...SECRET_REF, sni: 'somebody.test' }, [secret]), '503')
})

test('an endpoint that another authority has signed is not believed', async (t) => {
  const secret = secretOf({ 'ca.crt': other.certificate })
  assert.equal(await ask(t, { ...SECRET_REF, sni: 'echo.test' }, [secret]), '503')
})

test('without the certificate of an authority nothing is verified, and that is said', async (t) => {
  assert.equal(await ask(t, {}, []), '200 stranger')
  const secrets = [secretOf(filesOf(client))]
  assert.equal(await ask(t, SECRET_REF, secrets), '200 known')
  assert.deepEqual(findingsOf(compileObjects(objectsOf(1, SECRET_REF, secrets))), [
    'warning not-verified spec.sslConfig.secretRef',
  ])
})

test('pods are verified by name too, so a name is asked for', () => {
  const kube = { serviceName: 'echo', serviceNamespace: 'echo', servicePort: 80 }
  const findings = (sslConfig: SslConfig): readonly string[] => {
    const secrets = [secretOf({ 'ca.crt': authority.certificate })]
    return findingsOf(
      compileObjects(glooObjects({ virtualHost: VIRTUAL_HOST, upstreams: { echo: { kube, sslConfig } }, secrets })),
    )
  }
  const missing = 'warning unknown-service spec.kube.serviceName'
  assert.deepEqual(findings(SECRET_REF), [missing, 'warning name-verified spec.sslConfig.sni'])
  assert.deepEqual(findings({ ...SECRET_REF, sni: 'echo.test' }), [missing])
})

test('a Secret that a data plane could not use rejects its Upstream, and nothing is sent in plain text', async () => {
  const bad = [
    {},
    { 'tls.crt': client.certificate },
    { ...filesOf(client), 'tls.key': server.privateKey },
    { 'ca.crt': authority.certificate.replace(/[A-Z]/g, 'A') },
    { 'tls.crt': 'no', 'tls.key': 'no' },
  ]
  for (const secrets of [[], ...bad.map((files) => [secretOf(files)])]) {
    const output = compileObjects(objectsOf(1, SECRET_REF, secrets))
    assert.equal(findingsOf(output)[0], 'error bad-secret spec.sslConfig.secretRef')
    assert.deepEqual(output.clusters, [])
    assert.doesNotMatch(JSON.stringify(output.reports), /BEGIN|MII/)
  }
})

test('a Secret that turns bad or goes away is used as it last was', () => {
  const sslConfig = { ...SECRET_REF, sni: 'echo.test' }
  for (const secrets of [[], [secretOf({ 'ca.crt': 'no' })]]) {
    const world = new CompiledWorld()
    const good = world.become(objectsOf(1, sslConfig, [secretOf({ 'ca.crt': authority.certificate })])).compile()
    const later = world.become(objectsOf(1, sslConfig, secrets)).compile()
    assert.deepEqual(findingsOf(later), ['warning bad-secret spec.sslConfig.secretRef'])
    assert.deepEqual(later.clusters, good.clusters)
  }
})
