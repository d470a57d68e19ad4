/** What a newcomer sees first: three live canaries that hold what they promise. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { processesOf, run } from '../support/sluice.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

test('the demo tells its three acts, holds every assertion and leaves nothing running', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'sluice-demo-test-'))
  t.after(() => rmSync(temporary, { recursive: true, force: true }))
  const { code, stdout, stderr } = await run([process.execPath, MAIN, 'demo', '--once'], {
    env: { TMPDIR: temporary },
  })
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  assert.match(stdout, /✓ 1 By hand.*\n✓ 2 By itself.*\n✓ 3 Taken back/)
  assert.deepEqual(processesOf(temporary), [])
  assert.match(stdout, /Every assertion of the three acts held/)
})
