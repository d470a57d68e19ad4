/** CPU time and memory of processes, as the kernel counts them. */
import { readFile } from 'node:fs/promises'

export interface Usage {
  readonly cpuMs: number
  readonly rssMiB: number
}

/** What the process and its children have used, by the kernel's own accounting. */
export async function usageOf(pid: number): Promise<Usage> {
  const own = await usageOfOne(pid)
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .split(' ')
    .filter((each) => each !== '')
  const all = [own, ...(await Promise.all(children.map((child) => usageOf(Number(child)))))]
  return {
    cpuMs: all.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    rssMiB: all.reduce((sum, { rssMiB }) => sum + rssMiB, 0),
  }
}

/** A tick of /proc/<pid>/stat is 10 ms on every Linux that Node runs on. */
const TICK_MS = 10

/** What the process alone has used. */
export async function usageOfOne(pid: number): Promise<Usage> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const rssKiB = /VmRSS:\s+([0-9]+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS, rssMiB: Number(rssKiB ?? 0) / 1024 }
}
