import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../../test/support/cli.ts'
import { ACCESS_LOG_TEMPLATE } from '../routing/access-log.ts'

const COMMANDS = [
  'up',
  'demo',
  'apply',
  'get',
  'delete',
  'logs',
  'describe',
  'events',
  'top',
  'status',
  'explain',
  'proxy',
  'proxy url',
  'proxy address',
  'proxy schema',
  'release get',
  'release status',
  'release approve',
  'release abort',
  'release why',
  'release promote',
  'release pause',
  'release resume',
  'release retry',
  'release undo',
  'release history',
  'version',
  'completion',
]

for (const command of COMMANDS) {
  test(`sluice ${command} --help tells usage, options and examples`, async () => {
    const { code, stdout, stderr } = await runCli([...command.split(' '), '--help'])
    assert.equal(code, 0)
    assert.equal(stderr, '')
    assert.match(stdout, new RegExp(`^Usage: sluice ${command}`))
    assert.match(stdout, /\nExamples:\n {2}# /)
    assert.match(stdout, /--kubeconfig <file>/)
  })
}

test('sluice alone prints its commands in groups and succeeds', async () => {
  const { code, stdout } = await runCli([])
  assert.equal(code, 0)
  for (const heading of ['Run:', 'Objects:', 'Traffic and releases:', 'Other:'])
    assert.ok(stdout.includes(heading), heading)
  assert.ok(!stdout.includes('__complete'))
})

test('the example of the help exists where the help says it is, from any directory', async () => {
  for (const cwd of ['/nowhere', resolve(import.meta.dirname, '../..')]) {
    const { stdout } = await runCli([], { cwd })
    const [, path = ''] = /sluice apply -f (\S+)/.exec(stdout) ?? []
    assert.ok(existsSync(resolve(cwd, path, 'echo.yaml')), path)
  }
})

test('an unknown command or option is a usage error that says what was meant', async () => {
  const command = await runCli(['stats'])
  assert.equal(command.code, 2)
  assert.match(command.stderr, /unknown command 'stats'/)
  assert.match(command.stderr, /Did you mean status/)
  const option = await runCli(['get', 'pods', '--lable', 'a=b'])
  assert.equal(option.code, 2)
  assert.match(option.stderr, /unknown option '--lable'/)
  const format = await runCli(['get', 'pods', '-o', 'jsn'])
  assert.equal(format.code, 2)
  assert.match(format.stderr, /Did you mean json\?/)
  const nested = await runCli(['release', 'statsu'])
  assert.equal(nested.code, 2)
  assert.match(nested.stderr, /Did you mean status\?/)
})

test('a missing argument and a wrong value are usage errors', async () => {
  assert.equal((await runCli(['get'])).code, 2)
  assert.equal((await runCli(['apply'])).code, 2)
  const port = await runCli(['up', '--api-port', '70000'])
  assert.equal(port.code, 2)
  assert.match(port.stderr, /from 0 to 65535/)
})

test('sluice up takes its defaults from the working directory', async () => {
  const { up } = await runCli(['up'], { cwd: '/srv/app' })
  assert.deepEqual(up, {
    dataDir: '/srv/app/.sluice',
    apiAddress: '127.0.0.1',
    apiPort: 6443,
    gatewayAddress: '127.0.0.1',
    gatewayPort: 8080,
    proxies: 1,
    imagesFile: undefined,
    telling: {},
    logLevel: 'info',
    logFormat: 'text',
    output: 'text',
  })
})

test('sluice up hands every option on, paths made absolute', async () => {
  const args = ['up', '--data-dir', 'state', '--api-port', '0', '--gateway-port', '0', '--images', 'images.yaml']
  const { up } = await runCli([...args, '-o', 'json', '--log-level', 'debug', '--log-format', 'json'], { cwd: '/srv' })
  assert.equal(up?.dataDir, '/srv/state')
  assert.equal(up.imagesFile, '/srv/images.yaml')
  assert.deepEqual([up.apiPort, up.gatewayPort], [0, 0])
  assert.deepEqual([up.output, up.logLevel, up.logFormat], ['json', 'debug', 'json'])
})

const telling = async (...args: readonly string[]) => (await runCli(['up', ...args], { cwd: '/srv' })).up?.telling

test('sluice up is told what the gateway tells of its requests', async () => {
  const format = { kind: 'text', template: ACCESS_LOG_TEMPLATE }
  assert.deepEqual(await telling('--access-log', 'a.log'), { accessLog: { path: '/srv/a.log', format } })
  assert.deepEqual(await telling('--access-log', '-'), { accessLog: { path: '/dev/stdout', format } })
  const tracing = { propagation: ['w3c'], serviceName: 'sluice-gateway' }
  const zipkin = 'http://127.0.0.1:9411/api/v2/spans'
  assert.deepEqual(await telling('--trace-to', zipkin), {
    tracing: { ...tracing, sampledShare: 0.01, export: { kind: 'zipkin', url: zipkin } },
  })
  const otlp = 'https://otel.example.com/v1/traces'
  assert.deepEqual(await telling('--trace-to', otlp, '--trace-sampling', '1'), {
    tracing: { ...tracing, sampledShare: 1, export: { kind: 'otlp', url: otlp } },
  })
})

test('what the gateway cannot tell is a usage error', async () => {
  for (const [args, message] of [
    [['--trace-to', 'zipkin:9411'], /Expected an http or https URL/],
    [['--trace-to', 'http://127.0.0.1:9411'], /Expected the whole URL: .*api\/v2\/spans for Zipkin/],
    [['--trace-sampling', '0.5'], /say with --trace-to where the spans go/],
    [['--trace-to', 'http://127.0.0.1:4318/v1/traces', '--trace-sampling', '2'], /Expected a number from 0 to 1/],
    [['--access-log', ''], /It is empty/],
  ] as const) {
    const { code, stderr } = await runCli(['up', ...args])
    assert.deepEqual([code, message.test(stderr)], [2, true], stderr)
  }
})

test('the environment names the data directory where no option does', async () => {
  const env = { SLUICE_DATA_DIR: '/var/lib/sluice' }
  assert.equal((await runCli(['up'], { env })).up?.dataDir, '/var/lib/sluice')
  assert.equal((await runCli(['up', '--data-dir', '/tmp/x'], { env })).up?.dataDir, '/tmp/x')
})

test('where nothing runs, one message says so and how to start it', async () => {
  const { code, stderr } = await runCli(['get', 'pods'])
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: Cannot find a running Sluice: there is no "\/nowhere\/\.sluice\/kubeconfig"/)
  assert.match(stderr, /Start one with "sluice up"/)
  assert.equal(stderr.trim().split('\n').length, 1)
})

test('the version of the client needs no server', async () => {
  const { code, stdout } = await runCli(['version', '--client', '-o', 'json'])
  assert.equal(code, 0)
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { version: string } }
  assert.equal(clientVersion.version, '1.2.3')
})

test('delete wants either names, a choice, or files', async () => {
  for (const args of [[], ['pods'], ['pods', 'a', '--all'], ['pods', '-f', 'x.yaml']]) {
    const { code, stderr } = await runCli(['delete', ...args])
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /^sluice: /)
  }
  assert.match((await runCli(['delete', 'pod', 'a', '--grace-period', '0'])).stderr, /needs --force/)
})

test('each shell gets a script that asks the program itself', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runCli(['completion', shell])
    assert.equal(code, 0)
    assert.match(stdout, /__complete/)
  }
  assert.equal((await runCli(['completion', 'tcsh'])).code, 2)
})

async function complete(...words: string[]): Promise<string[]> {
  const { stdout } = await runCli(['__complete', '--', ...words])
  return stdout.split('\n').map((line) => line.split('\t')[0] ?? '')
}

test('commands, options and their values are completed without a server', async () => {
  assert.deepEqual((await complete('re')).slice(0, 1), ['release'])
  assert.deepEqual((await complete('release', 'a')).slice(0, 2), ['approve', 'abort'])
  assert.ok((await complete('get', 'pods', '--al')).includes('--all-namespaces'))
  assert.deepEqual((await complete('get', 'pods', '-o', 'y')).slice(0, 1), ['yaml'])
  assert.deepEqual((await complete('apply', '-f', '')).slice(0, 1), [':files'])
  assert.deepEqual(await complete('get', ''), [''])
})

test('an empty path, as of an unset shell variable, is a usage error', async () => {
  for (const option of ['--data-dir', '--kubeconfig']) {
    for (const args of [
      ['up', option, ''],
      [option, '', 'status'],
    ]) {
      const { code, stderr, up } = await runCli(args)
      assert.deepEqual([code, up], [2, undefined], args.join(' '))
      assert.match(stderr, new RegExp(`option '${option} .*It is empty; name a path or leave the option out`))
    }
  }
})
