/** Follows a release to its end: a picture that is redrawn in place on a terminal, else a line for each change. */
import type { Timer } from '../../base/clock.ts'
import { type Deployment, deployments } from '../../kinds/deployment.ts'
import type { Release } from '../../kinds/release.ts'
import type { Session } from '../api/connect.ts'
import type { CliDeps } from '../deps.ts'
import { openScreen } from '../live/screen.ts'
import { releaseFrame, releaseLines, type ReleaseView, versionsOf } from './picture.ts'

const PODS_REFRESH_MS = 1_000

export interface ReleaseScreen {
  show(release: Release): void
  /** Leaves the terminal as it was, with the last picture on it. */
  close(): void
}

export function openReleaseScreen(deps: CliDeps, session: Session, first: Release): ReleaseScreen {
  let release = first
  const pods = watchPods(deps, session, first)
  const view = (): ReleaseView => ({ release, versions: versionsOf(release, pods.of), nowMs: deps.clock.now() })
  const { stdout: output, env, clock } = deps
  const screen = openScreen<ReleaseView>({ output, env, clock, view, frame: releaseFrame, newLines: releaseLines })
  return {
    show(next) {
      release = next
      screen.update(view())
    },
    close() {
      pods.stop()
      screen.end()
      // On a terminal the picture goes with its screen; the last one stays for those who scroll back.
      if (output.isTTY === true) {
        screen.print(releaseFrame(view(), { columns: output.columns ?? 80, rows: Number.POSITIVE_INFINITY }))
      }
    },
  }
}

interface PodCounts {
  readonly of: (deployment: string) => { readonly ready: number; readonly wanted: number }
  stop(): void
}

/** Only a terminal shows pods, so only there they are asked for. */
function watchPods({ stdout, clock, signal }: CliDeps, { client }: Session, { metadata }: Release): PodCounts {
  const counts = new Map<string, { readonly ready: number; readonly wanted: number }>()
  const stopping = new AbortController()
  let timer: Timer | undefined
  async function look(): Promise<void> {
    const { items } = await client.list<Deployment>(deployments, {
      namespace: metadata.namespace ?? '',
      signal: AbortSignal.any([signal, stopping.signal]),
    })
    for (const {
      metadata: { name = '' },
      spec,
      status,
    } of items) {
      counts.set(name, { ready: status?.readyReplicas ?? 0, wanted: spec.replicas ?? 1 })
    }
  }
  function tick(): void {
    look()
      // The watch of the release tells of a server that has gone; the picture keeps the counts it has.
      .catch(() => {})
      .finally(() => {
        if (!stopping.signal.aborted) timer = clock.after(PODS_REFRESH_MS, tick, { unref: true })
      })
  }
  if (stdout.isTTY === true) tick()
  return {
    of: (deployment) => counts.get(deployment) ?? { ready: 0, wanted: 0 },
    stop() {
      stopping.abort()
      timer?.cancel()
    },
  }
}
