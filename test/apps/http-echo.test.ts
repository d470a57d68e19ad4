/** The stand-in for hashicorp/http-echo, judged by what the original does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseFlags } from '../../examples/apps/http-echo/flags.ts'

const PROGRAM = fileURLToPath(new URL('../../examples/apps/http-echo.ts', import.meta.url))

interface Running {
  readonly child: ChildProcess
  readonly url: string
  /** Everything on stdout, once it has ended. */
  readonly output: Promise<string>
}

async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = text(child.stdout)
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      const bound = /listening on ([\d.]+:\d+)/.exec(String(chunk))?.[1]
      if (bound !== undefined) resolve(`http://${bound}`)
    })
    child.once('exit', (code) => reject(new Error(`http-echo ended with ${code}`)))
  })
  return { child, url, output }
}

async function stop({ child }: Running): Promise<unknown> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  return (await exited)[0]
}

async function run(args: readonly string[]): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: {}, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  const stderr = await text(child.stderr)
  return { code: (await exited)[0], stderr }
}

test('it answers every path and method with its text, a newline and its name', async () => {
  const echo = await start(['-text=version:v1', '-listen=:0'], { POD_IP: '127.0.0.2' })
  assert.match(echo.url, /^http:\/\/127\.0\.0\.2:/)
  for (const init of [{}, { method: 'POST', body: 'x'.repeat(1_000_000) }]) {
    const response = await fetch(`${echo.url}/any/path?q=1`, init)
    assert.equal(response.status, 200)
    assert.equal(await response.text(), 'version:v1\n')
    assert.equal(response.headers.get('x-app-name'), 'http-echo')
    assert.equal(response.headers.get('x-app-version'), '1.0.0')
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
  }
  const health = await fetch(`${echo.url}/health`)
  assert.equal(await health.text(), '{"status":"ok"}\n')
  assert.equal(await stop(echo), 0)
  assert.match(await echo.output, /"GET \/any\/path HTTP\/1\.1" 200 11 "node" [\d.]+(µs|ms)\n/)
})

test('the status code is for the echo, health stays well', async () => {
  const echo = await start(['-status-code=500', '-text', 'bad', '--listen', '127.0.0.1:0'])
  assert.equal((await fetch(echo.url)).status, 500)
  assert.equal((await fetch(`${echo.url}/health`)).status, 200)
  await stop(echo)
})

test('on SIGTERM the request in flight is still answered, and new connections are refused', async () => {
  const echo = await start(['-text=last', '-listen=127.0.0.1:0'])
  const agent = new Agent({ keepAlive: true })
  const upload = request(echo.url, { method: 'POST', agent, headers: { 'content-length': 4, expect: '100-continue' } })
  const answered = once(upload, 'response')
  upload.flushHeaders()
  await once(upload, 'continue')
  const exited = once(echo.child, 'exit')
  echo.child.kill('SIGTERM')
  await untilRefused(echo.url)
  upload.end('body')
  const [response] = (await answered) as [IncomingMessage]
  assert.equal(await text(response), 'last\n')
  assert.deepEqual(await exited, [0, null])
  agent.destroy()
})

test('it says what is wrong with its arguments and exits as the original does', async () => {
  const [nothing, surplus, unknown, version] = await Promise.all([
    run([]),
    run(['-text=a', 'b']),
    run(['-nope']),
    run(['-version']),
  ])
  assert.equal(nothing.code, 127)
  assert.match(nothing.stderr, /Missing -text option/)
  assert.equal(surplus.code, 127)
  assert.match(surplus.stderr, /Too many arguments!/)
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /flag provided but not defined: -nope/)
  assert.deepEqual([version.code, version.stderr], [0, 'http-echo v1.0.0\n'])
})

test('flags come in every form that Go takes', () => {
  const expected = { text: 'a=b c', host: '1.2.3.4', port: 80, statusCode: 201 }
  const forms = [
    ['-text=a=b c', '-listen=1.2.3.4:80', '-status-code=201'],
    ['--text', 'a=b c', '--listen', '1.2.3.4:80', '--status-code', '201'],
    ['--text=a=b c', '-listen', '1.2.3.4:80', '-status-code=201', '--'],
  ]
  for (const args of forms) assert.deepEqual(parseFlags(args, {}), { kind: 'run', options: expected })
  const fromEnv = parseFlags([], { ECHO_TEXT: 'env' })
  assert.deepEqual(fromEnv, { kind: 'run', options: { text: 'env', host: '', port: 5678, statusCode: 200 } })
  for (const args of [
    ['-text'],
    ['-text=a', '-listen=80'],
    ['-text=a', '-status-code=99'],
    ['-text=a', '-listen=:99999'],
  ]) {
    assert.equal(parseFlags(args, {}).kind, 'bad-flag', args.join(' '))
  }
})

async function untilRefused(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(url)
    } catch {
      // Refused: it has stopped to accept.
      return
    }
  }
}
