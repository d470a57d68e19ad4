import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { inClusterConnection, loadKubeconfig, parseKubeconfig } from './kubeconfig.ts'

const base64 = (value: string): string => Buffer.from(value).toString('base64')

const config = (user: string, cluster = 'server: https://127.0.0.1:6443'): string => `
apiVersion: v1
kind: Config
current-context: here
contexts:
  - { name: here, context: { cluster: c, user: u, namespace: shop } }
  - { name: there, context: { cluster: c2 } }
clusters:
  - { name: c, cluster: { ${cluster} } }
  - { name: c2, cluster: { server: "http://127.0.0.1:8001", insecure-skip-tls-verify: true, tls-server-name: api } }
users:
  - { name: u, user: { ${user} } }
`

const reject = (text: string, message: RegExp, options = {}): Promise<void> =>
  assert.rejects(async () => parseKubeconfig(text, 'my-config', options), message)

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-kubeconfig-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

test('the current context gives server, CA, token and namespace', async () => {
  const text = config(
    'token: secret',
    `server: "https://127.0.0.1:6443", certificate-authority-data: ${base64('CA PEM')}`,
  )
  assert.deepEqual(await parseKubeconfig(text, 'config'), {
    server: 'https://127.0.0.1:6443',
    ca: 'CA PEM',
    token: 'secret',
    namespace: 'shop',
    context: 'here',
  })
})

test('another context may be chosen, and a user is not needed', async () => {
  assert.deepEqual(await parseKubeconfig(config('token: x'), 'config', { context: 'there' }), {
    server: 'http://127.0.0.1:8001',
    tlsServerName: 'api',
    insecureSkipTlsVerify: true,
    namespace: 'default',
    context: 'there',
  })
})

test('client certificates come from data or from files beside the kubeconfig', async (t) => {
  const path = await directory(t)
  await writeFile(join(path, 'key.pem'), 'KEY PEM')
  await writeFile(
    join(path, 'config'),
    config(`client-certificate-data: ${base64('CERTIFICATE PEM')}, client-key: key.pem, tokenFile: token`),
  )
  const connection = await loadKubeconfig(join(path, 'config'))
  assert.equal(connection.clientCertificate, 'CERTIFICATE PEM')
  assert.equal(connection.clientKey, 'KEY PEM')
  assert.equal(connection.tokenFile, join(path, 'token'))
})

test('of several files the first to name a thing wins, and missing files are passed over', async (t) => {
  const path = await directory(t)
  await writeFile(join(path, 'a'), 'current-context: there\n')
  await writeFile(join(path, 'b'), config('token: b'))
  const paths = ['missing', 'a', 'b'].map((name) => join(path, name)).join(':')
  assert.equal((await loadKubeconfig(paths)).context, 'there')
})

test('what is wrong with a kubeconfig is said with its name', async (t) => {
  const path = await directory(t)
  await assert.rejects(loadKubeconfig(join(path, 'none')), /Cannot read the kubeconfig ".*none": there is no such file/)
  await reject('{ unclosed', /Cannot read the kubeconfig "my-config": /)
  await reject('just text', /"my-config": it is not a YAML mapping/)
  await reject('{}', /no current-context/)
  await reject(config('token: x'), /no context "x"\. It has: here, there/, { context: 'x' })
  await reject(config('token: x').replace('name: c,', 'name: other,'), /no cluster "c", which context "here" refers to/)
  await reject(config('exec: { command: aws }'), /credentials by "exec" are not supported yet/)
  await reject(config('client-key: /does/not/exist'), /Cannot read the client-key "\/does\/not\/exist"/)
})

test('a pod finds its cluster by its environment and its mounted account', async (t) => {
  const path = await directory(t)
  await writeFile(join(path, 'ca.crt'), 'CA PEM')
  await writeFile(join(path, 'namespace'), 'shop\n')
  const env = { KUBERNETES_SERVICE_HOST: '::1', KUBERNETES_SERVICE_PORT: '443' }
  assert.deepEqual(await inClusterConnection(env, path), {
    server: 'https://[::1]:443',
    ca: 'CA PEM',
    tokenFile: join(path, 'token'),
    namespace: 'shop',
    context: 'in-cluster',
  })
  assert.equal(await inClusterConnection({}, path), undefined)
})
