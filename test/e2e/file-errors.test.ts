/** Whatever is wrong with a file that a command is given, the error names the file and says why in words. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { runCli } from '../support/cli.ts'
import { run, temporaryDataDir } from '../support/sluice.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

let api: TestApi

before(async () => {
  api = await startTestApi()
  const at = (name: string): string => join(api.directory, name)
  mkdirSync(at('folder'))
  writeFileSync(at('broken.yaml'), 'a: [\n')
  writeFileSync(at('text.yaml'), 'hello\n')
  writeFileSync(at('binary.yaml'), Buffer.from([0, 1, 255, 254]))
  writeFileSync(at('empty.yaml'), '')
  writeFileSync(at('odd.yaml'), 'current-context: x\nclusters: 5\nimages: 5\nlisteners: 5\n')
  writeFileSync(at('kind.yaml'), 'apiVersion: v1\nkind: Pood\nmetadata: { name: a }\n')
  symlinkSync('loop.yaml', at('loop.yaml'))
})

after(() => api.stop())

const UNREADABLE = ['none.yaml', 'folder', 'loop.yaml', 'text.yaml/inside.yaml']
const NOT_YAML = [...UNREADABLE, 'broken.yaml']
const WRONG = [...NOT_YAML, 'text.yaml', 'binary.yaml', 'odd.yaml']

/** How a command is given the file, and with which files it must fail. */
const COMMANDS: readonly (readonly [
  what: string,
  args: (file: string) => readonly string[],
  files: readonly string[],
])[] = [
  ['apply -f', (file) => ['apply', '-f', file], [...WRONG, 'empty.yaml', 'kind.yaml']],
  ['delete -f', (file) => ['delete', '-f', file], [...WRONG, 'empty.yaml', 'kind.yaml']],
  ['--kubeconfig', (file) => ['get', 'pods', '--kubeconfig', file], [...WRONG, 'empty.yaml']],
  ['up --images', (file) => [...UP, '--images', file], WRONG],
  ['proxy -f', (file) => ['proxy', '-f', file, '--admin-port', '0'], [...WRONG, 'empty.yaml']],
  ['proxy -f --check', (file) => ['proxy', '-f', file, '--check'], [...WRONG, 'empty.yaml']],
  ['explain -f', (file) => ['explain', '-f', file, 'http://a.test/'], [...WRONG, 'empty.yaml']],
  ['get -o jsonpath-file', (file) => ['get', 'ns', '-o', `jsonpath-file=${file}`], UNREADABLE],
]
/** What these commands run is given to them by the entry point of the program. */
const NEED_PROCESSES: ReadonlySet<string> = new Set(['up --images', 'proxy -f'])
const UP = ['up', '--data-dir', temporaryDataDir(), '--api-port', '0', '--gateway-port', '0']

for (const [what, args, files] of COMMANDS) {
  for (const file of files) {
    test(`sluice ${what} ${file}: the error names the file`, async () => {
      const words = args(join(api.directory, file))
      const { code, stdout, stderr } = NEED_PROCESSES.has(what)
        ? await run([process.execPath, MAIN, ...words])
        : await runCli(words, { env: { KUBECONFIG: api.kubeconfig } })
      assert.notEqual(code, 0)
      assert.equal(stdout, '')
      assert.ok(stderr.includes(file), stderr)
      assert.match(stderr, /Cannot [a-z]+ /)
      assert.doesNotMatch(stderr, /\bE[A-Z]{4,}\b|is not a function|undefined|\n {2,}at /)
    })
  }
}
