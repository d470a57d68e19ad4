/** The process that keeps the proxies of `sluice up`: started by it, outlives it, and ends when it is told to. */
import { createLog } from '../base/log.ts'
import type { KeeperOptions } from '../cli/deps.ts'
import { runKeeper } from '../proxy/keeper.ts'
import type { Surroundings } from './surroundings.ts'

export async function keeper(
  { folder, logLevel: level, logFormat: format }: KeeperOptions,
  surroundings: Surroundings,
) {
  const { clock, random, signal, onHangup, stderr } = surroundings
  const log = createLog({ clock, level, format, write: (line) => stderr.write(line) })
  await runKeeper({ folder, clock, random, log, signal, onHangup })
  return 0
}
