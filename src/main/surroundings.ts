/** What the process is given by the machine; read once, in `main.ts`. */
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { HolderChannel } from '../proxy/holder-channel.ts'

export interface Surroundings {
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal
  /** From now on SIGHUP calls the listener and does not end the process. */
  readonly onHangup: (listener: () => void) => void
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** To the process that started this one; undefined where there is no channel. */
  readonly holder: HolderChannel | undefined
  /** How to start this same program: executable, its arguments, the main file. */
  readonly selfCommand: readonly string[]
}
