import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertGolden, goldenCases, readGoldenInput } from '../../../test/support/golden.ts'
import { explain } from '../../routing/explain.ts'
import type { Observed, Question } from '../../routing/explanation.ts'
import { readRoutingFile } from '../../routing/file.ts'
import { explanationLines, liveLines } from './report.ts'

interface Input {
  readonly question: Question
  readonly observed?: Observed
  /** A routing file. */
  readonly routing: unknown
}

for (const name of goldenCases('explain')) {
  test(`explained in words and as data: ${name}`, () => {
    const [input] = readGoldenInput('explain', name)
    const { question, observed, routing } = input as Input
    const { snapshot, findings } = readRoutingFile(JSON.stringify(routing))
    assert.ok(snapshot !== undefined, JSON.stringify(findings))
    const explained = explain(snapshot, question, observed)
    assert.ok(explained.kind === 'explained', JSON.stringify(explained))
    const text = `${explanationLines(explained.explanation).join('\n')}\n`
    assertGolden('explain', name, { text, explanation: explained.explanation })
  })
}

test('a live decision says where it differs, and when the proxy keeps silent', () => {
  const [input] = readGoldenInput('explain', 'weights')
  const { snapshot } = readRoutingFile(JSON.stringify((input as Input).routing))
  assert.ok(snapshot !== undefined)
  const explained = explain(snapshot, (input as Input).question)
  assert.ok(explained.kind === 'explained')
  const sent = { sentTo: '127.0.0.1:8080', status: 200 }
  assert.deepEqual(liveLines({ ...sent, route: 'all', endpoint: '127.0.0.1:9001' }, explained.explanation), [
    'Live         status 200 from 127.0.0.1:8080',
    '             route     all',
    '             endpoint  127.0.0.1:9001',
  ])
  assert.match(liveLines({ ...sent, route: 'canary' }, explained.explanation).join('\n'), /took another route/)
  assert.match(liveLines(sent, explained.explanation).join('\n'), /does not say what it did/)
})
