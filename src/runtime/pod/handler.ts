/** One look at a container: does it answer? For probes and lifecycle hooks. */
import { spawn } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { assertNever } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import { TLS_POLICY } from '../../base/tls-policy.ts'
import type { Answer } from '../network/port-owners.ts'
import { answeredBy } from './port-text.ts'
import type { ContainerAddress, LifecycleHandler, Probe } from './types.ts'

export type ProbeResult =
  | { readonly ok: true }
  /** `isStranger`: somebody else's program answered. */
  | { readonly ok: false; readonly message: string; readonly isStranger?: true }

/** How a probe or hook reaches its container. */
export interface ProbeTarget extends ContainerAddress {
  /** Who answers on this port of the pod's address. */
  readonly answer: (port: number) => Promise<Answer>
  /** Runs a command as the container would; `output` is its beginning. */
  readonly exec: (
    command: readonly string[],
    signal: AbortSignal,
  ) => Promise<{ readonly code: number; readonly output: string }>
}

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket'> | LifecycleHandler

const SUCCESS: ProbeResult = { ok: true }
const OUTPUT_BYTES_MAX = 10 * 1024

/** Runs one check, bounded by `timeoutMs` of real time. Never rejects. */
export async function runHandler(handler: Handler, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    if (handler.httpGet !== undefined) {
      const { host = target.ip, port } = handler.httpGet
      const result = await httpGet(handler.httpGet, target, signal)
      return await proven(result, host, portOf(port, target), target)
    }
    if (handler.tcpSocket !== undefined) {
      const { host = target.ip, port } = handler.tcpSocket
      const result = await tcpConnect(host, portOf(port, target), signal)
      return await proven(result, host, portOf(port, target), target)
    }
    if (handler.exec !== undefined) return await exec(handler.exec.command ?? [], target, signal)
    return { ok: false, message: 'the handler names no check that local processes support (httpGet, tcpSocket, exec)' }
  } catch (error) {
    return { ok: false, message: signal.aborted ? `no answer within ${timeoutMs} ms` : messageOf(error) }
  }
}

/** An answer counts when the pod itself gave it. Another host than the pod's own is what the manifest wants asked. */
async function proven(result: ProbeResult, host: string, port: number, target: ProbeTarget): Promise<ProbeResult> {
  if (!result.ok || host !== target.ip) return result
  const answer = await target.answer(port)
  switch (answer.kind) {
    case 'own':
      return result
    case 'stranger':
      return { ok: false, message: answeredBy(port, answer), isStranger: true }
    case 'nobody':
      return { ok: false, message: `port ${port} is not listened on any more` }
    default:
      return assertNever(answer)
  }
}

/** Succeeds when the port accepts a connection. */
function tcpConnect(host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal })
    socket.once('connect', () => {
      socket.destroy()
      resolve(SUCCESS)
    })
    socket.once('error', reject)
  })
}

function httpGet(
  action: NonNullable<Probe['httpGet']>,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { host = target.ip, path = '/', scheme, httpHeaders = [] } = action
  const port = portOf(action.port, target)
  const isTls = scheme?.toUpperCase() === 'HTTPS'
  const headers: Record<string, string> = { 'User-Agent': 'kube-probe/1.33', Accept: '*/*', Connection: 'close' }
  for (const { name, value } of httpHeaders) headers[name] = value
  const options = { host, port, path: path.startsWith('/') ? path : `/${path}`, headers, agent: false, signal } as const
  return new Promise((resolve, reject) => {
    // Certificates are not checked, as the kubelet does not.
    const request = isTls
      ? httpsRequest({ ...options, ...TLS_POLICY, rejectUnauthorized: false })
      : httpRequest(options)
    request.once('error', reject)
    request.once('response', (response) => {
      const status = response.statusCode ?? 0
      response.on('error', () => {})
      response.destroy()
      const isHealthy = status >= 200 && status < 400
      resolve(isHealthy ? SUCCESS : { ok: false, message: `HTTP probe failed with statuscode: ${status}` })
    })
    request.end()
  })
}

async function exec(command: readonly string[], target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const { code, output } = await target.exec(command, signal)
  return code === 0 ? SUCCESS : { ok: false, message: output.trim() === '' ? `exit code ${code}` : output.trim() }
}

export function portOf(port: number | string, { ports }: Pick<ContainerAddress, 'ports'>): number {
  if (typeof port === 'number') return port
  const named = ports.find(({ name }) => name === port)
  if (named !== undefined) return named.containerPort
  if (/^\d+$/.test(port)) return Number(port)
  throw new Error(`the container has no port named "${port}"`)
}

/** Runs a program to its end and collects the beginning of what it says; killed with its group when `signal` aborts. */
export function runProgram(
  command: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
  signal: AbortSignal,
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = command
    const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => {
      if (output.length < OUTPUT_BYTES_MAX) output += chunk.toString('utf8', 0, OUTPUT_BYTES_MAX - output.length)
    }
    const kill = (): void => {
      // The group of a child that we have not reaped yet: the number is still its own.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, 'SIGKILL')
      }
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', kill, { once: true })
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', (error) => {
      signal.removeEventListener('abort', kill)
      reject(error)
    })
    child.once('close', (code) => {
      signal.removeEventListener('abort', kill)
      resolve({ code: code ?? 137, output })
    })
  })
}
