/** What the proxies that are compared have in common. */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Features } from '../scenarios.ts'

export interface Running {
  readonly name: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** Ports on loopback. */
export interface Surroundings {
  readonly v1: number
  readonly v2: number
  /** Takes spans in Zipkin's form, at any path. */
  readonly collector: number
  /** PEM files. */
  readonly certificate: string
  readonly privateKey: string
}

/**
 * Starts one, with one worker, kept connections to the backends, the usual forwarding headers and its counters on. Its rule:
 * requests with `stage: canary` go to v2, the others 90 to 10 to v1 and v2. Undefined: the program is not installed.
 */
export type Contender = (surroundings: Surroundings, features: Features) => Promise<Running | undefined>

export const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
// Workers of nginx are another user, who must be able to read the files here.
await chmod(folder, 0o755)

export async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
