/** The guide's page "Your own program": its files are written and its commands run as they are printed there. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run, startSluice } from '../support/sluice.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/guide/your-own-program.md'), 'utf8')
const [UP = '', FIRST = '', TRAFFIC = '', RELEASE = ''] = fencesOf(PAGE).flatMap(({ language, text }) =>
  language === 'sh' ? [text] : [],
)
/** Tries of a command whose answer the page tells, as a person tries again whose pod has not started yet. */
const TRIES_MAX = 100

test('your own program: the page as printed, with its Node.js program', (t) => playPage(t, 'Node.js', 'Python'))

const hasPython = spawnSync('python3', ['--version']).status === 0
const skip = hasPython || process.env['CI'] === 'true' ? false : 'needs python3 on PATH'
test('your own program: the page as printed, with its Python program', { skip }, async (t) => {
  assert.ok(hasPython, 'Cannot run the Python program of the page: python3 is not on PATH')
  await playPage(t, 'Python', 'Node.js')
})

async function playPage(t: TestContext, language: string, other: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-own-program-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const { name, text } of filesOf(withoutSection(PAGE, other))) writeFileSync(join(folder, name), text)
  const [words = ''] = commandsOf(UP)
  assert.match(words, /^sluice up /)
  const flags = words.replace('sluice up ', '').split(' ')
  await startSluice(t, { dataDir: join(folder, '.sluice'), flags: flags.map((word) => inFolder(word, folder)) })
  const shell = shellIn(folder)

  await follow(shell, FIRST)
  const traffic = spawn('bash', ['-c', TRAFFIC], { ...shell, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  let answers = ''
  traffic.stdout.setEncoding('utf8').on('data', (text: string) => (answers += text))
  t.after(() => process.kill(-(traffic.pid ?? 0), 'SIGKILL'))
  await follow(shell, RELEASE)

  const versions = new Set(answers.trimEnd().split('\n'))
  assert.deepEqual([...versions].toSorted(), ['hello from v1', 'hello from v2'], language)
}

/** Runs the commands one after the other; one with an answer behind it (`# …`) until it gives that answer. */
async function follow(shell: Shell, block: string): Promise<void> {
  for (const line of commandsOf(block)) {
    const [command = '', expected] = line.split(/ +# /)
    for (let tries = 1; ; tries++) {
      const { code, stdout, stderr } = await run(['bash', '-c', `cd "${shell.cwd}" && ${command}`], shell)
      if (code === 0 && (expected === undefined || stdout === `${expected}\n`)) break
      assert.ok(expected !== undefined && tries < TRIES_MAX, `${command}\n${stdout}${stderr}`)
    }
  }
}

interface Shell {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv & Readonly<Record<string, string>>
}

/** A shell as the page's reader has it: in the folder, `sluice` on PATH, nothing that points to another Sluice. */
function shellIn(cwd: string): Shell {
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  symlinkSync(join(ROOT, 'sluice'), join(bin, 'sluice'))
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, KUBECONFIG: '', SLUICE_DATA_DIR: '' }
  return { cwd, env }
}

function inFolder(word: string, folder: string): string {
  return word.startsWith('-') ? word : join(folder, word)
}

function commandsOf(block: string): readonly string[] {
  return block.trimEnd().split('\n')
}

/** The fences whose introduction begins with a file's name: "`hello.yaml` has …". */
function filesOf(page: string): readonly { readonly name: string; readonly text: string }[] {
  return fencesOf(page).flatMap(({ before, text }) => {
    const name = /^`([\w.-]+)`/.exec(before)?.[1]
    return name === undefined ? [] : [{ name, text }]
  })
}

interface Fence {
  readonly language: string
  readonly text: string
  /** The paragraph above it. */
  readonly before: string
}

function fencesOf(page: string): readonly Fence[] {
  return [...page.matchAll(/(?:((?:^.+\n)+)\n)?^```(\w+)\n([^]*?)^```$/gm)].map(
    ([, before = '', language = '', text = '']) => ({ language, text, before: before.trim() }),
  )
}

function withoutSection(page: string, heading: string): string {
  const start = page.indexOf(`\n### ${heading}\n`)
  assert.ok(start >= 0)
  const end = page.slice(start + 4).search(/^#{2,3} /m)
  return page.slice(0, start) + page.slice(start + 4 + end)
}
