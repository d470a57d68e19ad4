import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { createLog } from './log.ts'

test('fields without a value are left out, in text as in JSON', () => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  for (const format of ['text', 'json'] as const) {
    createLog({ clock: new FakeClock(), level: 'info', format, write }).info('came', { pid: 7, replaces: undefined })
  }
  assert.match(lines[0] ?? '', /INFO {2}came pid=7\n$/)
  assert.match(lines[1] ?? '', /"message":"came","pid":7\}\n$/)
})
