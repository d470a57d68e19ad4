/** The package as people install it: built, packed, installed by npm into an empty folder, on a machine whose Node.js is older. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fetchText } from '../support/load.ts'
import { type Finished, run, startSluice, temporaryDataDir } from '../support/sluice.ts'
import { deployments } from '../../src/kinds/deployment.ts'
import { objectKey } from '../../src/kube/object.ts'
import { ECHO_ROUTES, lines } from '../support/sluice-teller.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** Too old for Sluice, new enough for npm. */
const OLD_NODE = '20.20.0'

test('the packed package, installed beside an old Node.js, starts, applies, answers and ends', async (t) => {
  const folder = temporaryFolder(t)
  const old = await oldNode(folder)
  assert.equal(lines(await old(['node', '--version']))[0], `v${OLD_NODE}`)

  const installed = await old(['npm', 'install', '--no-audit', '--no-fund', '--prefix', folder, await packed(folder)])
  assert.equal(installed.code, 0, installed.stderr)
  assert.doesNotMatch(installed.stderr, /EBADENGINE/)
  const sluice = join(folder, 'node_modules/.bin/sluice')
  assert.match(lines(await old([sluice, 'version', '--client'])).join('\n'), /^Client Version: v\d\S* \(Node v26\./)

  const dataDir = temporaryDataDir()
  const running = await startSluice(t, { dataDir, command: [...old.prefix, sluice] })
  const client = await clientOf(running)
  const setup = join(folder, 'node_modules/sluice/dist/examples/stories/gloo-two-phase/1-setup')
  lines(await old([sluice, '--data-dir', dataDir, 'apply', '-f', setup]))
  await untilObject(client, { type: deployments, key: objectKey('echo', 'echo-v1') }, (object) => {
    return object?.status?.availableReplicas === 1
  })
  await untilObject(client, ECHO_ROUTES, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  assert.equal((await fetchText(`${running.ready.gateway}/`)).body, 'version:v1')
  const got = await old([sluice, '--data-dir', dataDir, 'get', 'deploy', '-n', 'echo', '-o', 'name'])
  assert.deepEqual(lines(got), ['deployment.apps/echo-v1'])

  lines(await old([sluice, '--data-dir', dataDir, 'down']))
  assert.equal(await running.stop(), 0)
})

interface WithOldNode {
  (command: readonly string[]): Promise<Finished>
  readonly prefix: readonly string[]
}

/** Runs commands as a shell does whose first Node.js on PATH is an old one, and which npm did not start. */
async function oldNode(folder: string): Promise<WithOldNode> {
  const home = join(folder, 'old')
  const name = `node-linux-${process.arch}`
  lines(await run(['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', home, `${name}@${OLD_NODE}`]))
  const elsewhere = (process.env['PATH'] ?? '').split(':').filter((path) => !path.includes('node_modules'))
  const path = [join(home, 'node_modules', name, 'bin'), ...elsewhere].join(':')
  const ofNpm = Object.keys(process.env).filter((variable) => variable.startsWith('npm_'))
  const prefix = ['env', ...ofNpm.flatMap((variable) => ['-u', variable]), `PATH=${path}`]
  return Object.assign((command: readonly string[]) => run([...prefix, ...command]), { prefix })
}

async function packed(folder: string): Promise<string> {
  const at = join(folder, 'packed')
  mkdirSync(at)
  lines(await run(['npm', 'pack', '--silent', '--pack-destination', at, ROOT]))
  const [tarball = ''] = readdirSync(at).filter((name) => name.endsWith('.tgz'))
  return join(at, tarball)
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
