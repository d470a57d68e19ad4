/** `sluice up` with something it cannot use. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { run, temporaryDataDir } from '../support/sluice.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const UP = [process.execPath, MAIN, 'up', '--api-port', '0', '--gateway-port', '0']

test('an images file that is not there is told before anything runs', async () => {
  const dataDir = temporaryDataDir()
  const { code, stdout, stderr } = await run([...UP, '--data-dir', dataDir, '--images', `${dataDir}-images.yaml`])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    stderr,
    /^sluice: Cannot read the images file ".*-images\.yaml": there is no such file\. Correct --images/,
  )
})

test('a data directory that is none is told by name', async () => {
  const dataDir = temporaryDataDir()
  writeFileSync(dataDir, '')
  const { code, stderr } = await run([...UP, '--data-dir', dataDir])
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: Cannot use the data directory ".*": it is not a directory\. Choose another one/)
})
