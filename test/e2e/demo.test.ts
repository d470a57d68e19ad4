/** What a newcomer sees first: three live canaries that hold what they promise. */
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/sluice.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

test('the demo tells its three acts, holds every assertion and leaves nothing running', async () => {
  const { code, stdout, stderr } = await run([process.execPath, MAIN, 'demo', '--once'])
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  assert.match(stdout, /✓ 1 By hand.*\n✓ 2 By itself.*\n✓ 3 Taken back/)
  assert.match(stdout, /Every assertion of the three acts held/)
})
