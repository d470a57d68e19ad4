/** The package as people install it: built, packed, unpacked under node_modules, and run from there. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { fetchText } from '../support/load.ts'
import { run, startSluice, temporaryDataDir } from '../support/sluice.ts'
import { deployments } from '../../src/kinds/deployment.ts'
import { objectKey } from '../../src/kube/object.ts'
import { ECHO_ROUTES, lines } from '../support/sluice-teller.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')

test('the packed package runs from node_modules and serves the first step of the story', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const installed = join(folder, 'node_modules', 'sluice')
  mkdirSync(installed, { recursive: true })
  lines(await run(['npm', 'pack', '--silent', '--pack-destination', folder, ROOT]))
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  lines(await run(['tar', '-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']))
  // What `npm install` would fetch: the same packages that the project itself has.
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }

  const command = [join(installed, 'sluice')]
  assert.match(lines(await run([...command, 'version', '--client'])).join('\n'), /^Client Version: v\d/)
  const sluice = await startSluice(t, { dataDir: temporaryDataDir(), command })
  const client = await clientOf(sluice)
  const setup = join(installed, 'dist/examples/stories/gloo-two-phase/1-setup')
  lines(await run([...command, '--kubeconfig', sluice.ready.kubeconfig, 'apply', '-f', setup]))
  await untilObject(client, { type: deployments, key: objectKey('echo', 'echo-v1') }, (object) => {
    return object?.status?.availableReplicas === 1
  })
  await untilObject(client, ECHO_ROUTES, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  assert.equal((await fetchText(`${sluice.ready.gateway}/`)).body, 'version:v1')
})
