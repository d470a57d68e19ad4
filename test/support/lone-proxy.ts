/** `sluice proxy -f` as users run it: a process with its workers, on free ports. */
import { spawn } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

export interface LoneProxy {
  readonly port: number
  readonly adminPort: number
  readonly pid: number
  /** Everything it and its workers have logged so far. */
  readonly log: string
  /** Puts a new file in the old one's place, as editors do. */
  write(text: string): void
  /** Resolves once the log has the text. */
  untilLogged(text: string): Promise<void>
  /** Resolves once the text was printed to standard output. */
  untilPrinted(text: string): Promise<void>
  /** Nobody reads its output any more. */
  readonly deafen: () => void
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
}

export interface LoneProxyOptions {
  readonly text: string
  readonly flags?: readonly string[]
  /** File descriptor for its log, which nobody reads then. */
  readonly logTo?: number
}

export async function startLoneProxy(
  t: TestContext,
  { text, flags = [], logTo }: LoneProxyOptions,
): Promise<LoneProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lone-'))
  const file = join(folder, 'routing.yaml')
  writeFileSync(file, text)
  const args = [MAIN, 'proxy', '-f', file, '--admin-port', '0', ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', logTo ?? 'pipe'] })
  const ended = new Promise<number | null>((done) => {
    child.once('close', done)
  })
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  let log = ''
  const waiting = new Set<() => void>()
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk
    for (const wake of waiting) wake()
  })
  let out = ''
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((done) => {
      const check = (): void => {
        if (!holds()) return
        waiting.delete(check)
        done()
      }
      waiting.add(check)
      check()
    })
  const ready = await new Promise<string>((done, fail) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk
      if (out.includes('\n')) done(out)
      for (const wake of waiting) wake()
    })
    void ended.then(() => fail(new Error(`sluice proxy -f did not start: ${log}`)))
  })
  const [, port, adminPort] = /:(\d+), admin http:\/\/127\.0\.0\.1:(\d+)/.exec(ready) ?? []
  return {
    port: Number(port),
    adminPort: Number(adminPort),
    pid: child.pid ?? 0,
    get log() {
      return log
    },
    write(next) {
      writeFileSync(`${file}.new`, next)
      renameSync(`${file}.new`, file)
    },
    deafen() {
      child.stdout?.destroy()
      child.stderr?.destroy()
    },
    untilLogged: (wanted) => until(() => log.includes(wanted)),
    untilPrinted: (wanted) => until(() => out.includes(wanted)),
    ended,
  }
}
