/** Pages and comments name only what there is (files, headings, commands with their flags, scripts), and all that they should. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'

import { systemClock } from '../src/base/clock.ts'
import { PLAIN_OPERATORS } from '../src/routing/access-log.ts'
import { prometheusText } from '../src/telemetry/prometheus.ts'
import { TelemetryStore } from '../src/telemetry/store.ts'

import { runCli } from './support/cli.ts'

interface Line {
  /** `docs/guide/proxy.md:12`. */
  readonly source: string
  readonly file: string
  readonly text: string
}

const ROOT = resolve(import.meta.dirname, '..')
const PAGES = ['*.md', 'docs/**/*.md']
const CODE = ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts']

const pages = linesOf(PAGES)
const codeFiles = globSync(CODE, { cwd: ROOT })

test('every link of a page leads to a file and, where it names one, to a heading of it', () => {
  const links = pages.flatMap((line) =>
    [...line.text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)].map((match) => ({ line, match })),
  )
  assert.ok(links.length > 50)
  const broken = links.filter(({ line, match: [, path = '', heading] }) => {
    const target = path === '' ? join(ROOT, line.file) : resolve(ROOT, dirname(line.file), path)
    return !existsSync(target) || (heading !== undefined && !headingsOf(target).includes(heading))
  })
  assert.deepEqual(
    broken.map(({ line, match }) => `${line.source}: ${match[0]}`),
    [],
  )
})

test('every file that a page names is there', () => {
  const named = pages.flatMap((line) =>
    [...line.text.matchAll(/`([^`]+)`/g)].flatMap((match) => filesIn(line, match[1] ?? '')),
  )
  assert.ok(named.length > 20)
  assert.deepEqual(missing(named), [])
})

test('every file that a comment names is there', () => {
  const comments = linesOf(CODE).filter(({ text }) => /^\s*(\/\/|\*|\/\*)/.test(text))
  const named = comments.flatMap((line) => filesIn(line, line.text))
  assert.ok(named.length > 10)
  assert.deepEqual(missing(named), [])
})

test('every command of a page exists and knows its flags', async () => {
  const commands = pages.filter(isForUsers).flatMap((line) => commandsIn(line))
  assert.ok(commands.length > 50)
  const helps = new Map<string, string>()
  const unknown: string[] = []
  for (const { source, words } of commands) {
    const firstFlag = words.findIndex((word) => word.startsWith('-'))
    const command = words.slice(0, firstFlag === -1 ? words.length : firstFlag)
    const key = command.join(' ')
    const help = helps.get(key) ?? (await helpOf(command))
    helps.set(key, help)
    unknown.push(
      ...words.filter((word) => isFlag(word) && !knows(help, word)).map((flag) => `${source}: ${key} ${flag}`),
    )
    if (help === '') unknown.push(`${source}: ${key}`)
  }
  assert.deepEqual(unknown, [])
})

test('every command of the program, and every one below it, has its place in the guide', async () => {
  const guide = readFileSync(join(ROOT, 'docs/guide/commands.md'), 'utf8')
  const sections = new Map(
    guide
      .split(/^## /m)
      .flatMap((section) => (section.split('\n')[0] ?? '').split(', ').map((name) => [name, section])),
  )
  const commands = await commandsOf([])
  assert.ok(commands.length > 15)
  const missed = commands.filter((name) => !sections.has(name))
  for (const name of commands) {
    const inner = await commandsOf([name])
    missed.push(...inner.map((one) => `${name} ${one}`).filter((one) => !isTold(sections.get(name), one)))
  }
  assert.deepEqual(missed, [])
})

test('every script of npm that a page names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  const named = pages.flatMap(({ source, text }) =>
    [...text.matchAll(/npm (?:run ([\w:-]+)|(start|test)\b)/g)].map((match) => ({
      source,
      name: match[1] ?? match[2] ?? '',
    })),
  )
  assert.ok(named.length > 5)
  assert.deepEqual(
    named.filter(({ name }) => !(name in scripts)),
    [],
  )
})

test('the guide has every command operator of access logs, and every metric', () => {
  const guide = readFileSync(join(ROOT, 'docs/guide/telemetry.md'), 'utf8')
  const operators = PLAIN_OPERATORS.filter(
    (name) => !guide.includes(`%${name.replace(/(_ADDRESS)_WITHOUT_PORT$/, '$1')}%`),
  )
  const text = prometheusText(new TelemetryStore({ clock: systemClock }))
  const metrics = [...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1] ?? '')
  assert.ok(metrics.length > 10)
  assert.deepEqual([...operators, ...metrics.filter((name) => !guide.includes(`\`${name}\``))], [])
})

test('every decision has a number of its own and a line in the list', () => {
  const files = globSync('[0-9]*.md', { cwd: join(ROOT, 'docs/decisions') }).toSorted()
  const numbers = files.map((file) => file.slice(0, 4))
  assert.deepEqual(numbers, [...new Set(numbers)])
  const list = readFileSync(join(ROOT, 'docs/decisions/README.md'), 'utf8')
  assert.deepEqual(
    files.filter((file) => !list.includes(`- [${file.slice(0, 4)}](${file}) `)),
    [],
  )
  for (const file of files) {
    assert.match(readFileSync(join(ROOT, 'docs/decisions', file), 'utf8'), new RegExp(`^# ${file.slice(0, 4)}:? `))
  }
})

function linesOf(patterns: readonly string[]): readonly Line[] {
  return globSync(patterns, { cwd: ROOT }).flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .map((text, index) => ({ source: `${file}:${index + 1}`, file, text })),
  )
}

/** As GitHub makes anchors of headings. */
function headingsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Paths below the root, and names of TypeScript files, which may leave out the folders above them. */
function filesIn({ source }: Line, text: string): readonly { readonly source: string; readonly name: string }[] {
  const names = text.matchAll(
    /(?<![\w./<{}*-])((?:src|test|docs|examples|bench)\/[\w./-]*\w|[\w-]+(?:\/[\w-]+)*\.ts\b)/g,
  )
  return [...names].map((match) => ({ source, name: match[1] ?? '' }))
}

function missing(named: readonly { readonly source: string; readonly name: string }[]): readonly string[] {
  const isThere = (name: string): boolean =>
    existsSync(join(ROOT, name)) || (name.endsWith('.ts') && codeFiles.some((file) => `/${file}`.endsWith(`/${name}`)))
  return named.filter(({ name }) => !isThere(name)).map(({ source, name }) => `${source}: ${name}`)
}

function isForUsers({ file }: Line): boolean {
  return !file.startsWith('docs/decisions/')
}

/** Those that stand alone on a line and those in the text; what follows a pipe or a comment sign is something else. */
function commandsIn({ source, text }: Line): readonly { readonly source: string; readonly words: readonly string[] }[] {
  const alone = /^(?:\$ )?(?:\.\/)?sluice (.*)$/.exec(text)
  const inside = [...text.matchAll(/(?:`|\$\()(?:\.\/)?sluice ([^`)]*)[`)]/g)]
  return [...(alone === null ? [] : [alone]), ...inside].map((match) => ({
    source,
    words: (match[1] ?? '').split(/ (?=#|\||>|&&|…)/)[0]?.match(/"[^"]*"|'[^']*'|[^\s,[\]]+/g) ?? [],
  }))
}

async function helpOf(command: readonly string[]): Promise<string> {
  const { code, stdout } = await runCli([...command, '--help'])
  // An alias stands behind a bar: `Usage: sluice release|rollout`.
  const usage = new RegExp(`^Usage: sluice (\\S+\\|)?${command[0] ?? '\\['}`)
  return code === 0 && usage.test(stdout) ? stdout : ''
}

/** Names and aliases, as the help lists them; `help` explains itself. */
async function commandsOf(words: readonly string[]): Promise<string[]> {
  const { stdout } = await runCli([...words, '--help'])
  const [, listed = ''] = /\n\n(Run:\n[^]*|Commands:\n[^]*)/.exec(stdout) ?? []
  const names = [...listed.replace(/\nExamples:[^]*/, '').matchAll(/^ {2}([\w|]+)(?: |$)/gm)]
  return names.flatMap(([, name = '']) => name.split('|')).filter((name) => name !== 'help')
}

/** By its whole name, which may begin with an alias, or by its own in code: "`get` is the same". */
function isTold(section: string | undefined, command: string): boolean {
  const own = command.split(' ').at(-1) ?? ''
  return section !== undefined && new RegExp(`sluice [a-z]+ ${own}\\b|\`${own}\``).test(section)
}

function isFlag(word: string): boolean {
  return /^--?[a-zA-Z]/.test(word)
}

function knows(help: string, flag: string): boolean {
  return new RegExp(`^  (.*, )?${flag}[, =]`, 'm').test(help)
}
