import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { stampOf, watchFile } from './file-watch.ts'

interface Lab {
  readonly folder: string
  readonly file: string
  /** Watches the file as it is now. */
  readonly watch: (isDue?: () => boolean) => Promise<void>
  /** Resolves once a change was told and the file has the text. */
  readonly untilRead: (text: string) => Promise<void>
}

const options = { timeout: 20_000 }

function lab(t: TestContext): Lab {
  const root = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
  const end = new AbortController()
  t.after(() => {
    end.abort()
    rmSync(root, { recursive: true, force: true })
  })
  const folder = join(root, 'folder')
  mkdirSync(folder)
  const file = join(folder, 'file')
  let changes = 0
  let known = ''
  let changed = Promise.withResolvers<void>()
  const onChange = async (): Promise<void> => {
    known = await stampOf(file)
    changes++
    changed.resolve()
    changed = Promise.withResolvers()
  }
  return {
    folder,
    file,
    async watch(isDue = () => false) {
      known = await stampOf(file)
      const { signal } = end
      watchFile({ file, clock: systemClock, known: () => known, isDue, onChange: () => void onChange(), signal })
    },
    async untilRead(text) {
      while (textOf(file) !== text || changes === 0) await changed.promise
      changes = 0
    },
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // It is not there, which is another text than any.
    return '(none)'
  }
}

test('a file that is written, replaced, deleted or there again has changed', options, async (t) => {
  const { file, watch, untilRead } = lab(t)
  writeFileSync(file, 'a')
  await watch()
  writeFileSync(file, 'b')
  await untilRead('b')
  writeFileSync(`${file}.new`, 'c')
  renameSync(`${file}.new`, file)
  await untilRead('c')
  rmSync(file)
  await untilRead('(none)')
  writeFileSync(file, 'd')
  await untilRead('d')
})

test('the target of a link has changed, as a mounted ConfigMap does it and as anybody may', options, async (t) => {
  const { folder, file, watch, untilRead } = lab(t)
  for (const [version, text] of [
    ['1', 'a'],
    ['2', 'b'],
  ] as const) {
    mkdirSync(join(folder, '..', version))
    writeFileSync(join(folder, '..', version, 'file'), text)
  }
  symlinkSync(join('..', '1'), join(folder, '..data'))
  symlinkSync(join('..data', 'file'), file)
  await watch()
  symlinkSync(join('..', '2'), join(folder, '..next'))
  renameSync(join(folder, '..next'), join(folder, '..data'))
  await untilRead('b')
  writeFileSync(join(folder, '..', '2', 'file'), 'c')
  await untilRead('c')
})

test('a folder that comes in the old one’s place brings a changed file', options, async (t) => {
  const { folder, file, watch, untilRead } = lab(t)
  writeFileSync(file, 'a')
  await watch()
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
  writeFileSync(file, 'b')
  await untilRead('b')
  writeFileSync(file, 'c')
  await untilRead('c')
})

test('a folder in which others write all the time hides no change', options, async (t) => {
  const { folder, file, watch, untilRead } = lab(t)
  writeFileSync(file, 'a')
  await watch()
  const noise = setInterval(() => appendFileSync(join(folder, 'noise'), '.'), 5)
  t.after(() => clearInterval(noise))
  writeFileSync(file, 'b')
  await untilRead('b')
})

test('a file that is the same is told again only while that could help', options, async (t) => {
  const { file, watch, untilRead } = lab(t)
  writeFileSync(file, 'a')
  let asked = 0
  await watch(() => ++asked === 2)
  await untilRead('a')
  assert.equal(asked, 2)
})
