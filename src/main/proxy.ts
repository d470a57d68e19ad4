/** One data-plane process: started by `up`, outlives it, and ends when it is told to. */
import { createLog } from '../base/log.ts'
import type { ProxyOptions } from '../cli/deps.ts'
import { runProxyWorker } from '../proxy/worker.ts'
import type { Surroundings } from './surroundings.ts'
import { youngCollector } from './young-collector.ts'

export async function proxy(options: ProxyOptions, surroundings: Surroundings): Promise<number> {
  const { clock, random, signal, stderr } = surroundings
  const { socket, name, reusePort, lentSockets, endsWithControl, drainTimeoutMs } = options
  const log = createLog({
    clock,
    level: options.logLevel,
    format: options.logFormat,
    write: (line) => stderr.write(line),
  })
  await runProxyWorker({
    socketPath: socket,
    id: name,
    clock,
    random,
    log,
    signal,
    reusePort,
    collectYoung: youngCollector(),
    holder: lentSockets ? surroundings.holder : undefined,
    endsWithControl,
    drainTimeoutMs,
  })
  return 0
}
