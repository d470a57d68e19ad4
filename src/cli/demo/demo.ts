/** `sluice demo`: three live canaries in a throw-away Sluice. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { isAbort } from '../../base/errors.ts'
import { createHttpClient } from '../../kube/http-client.ts'
import { loadKubeconfig } from '../../kube/kubeconfig.ts'
import type { Call } from '../command.ts'
import type { DemoOptions } from '../options.ts'
import type { CliDeps } from '../deps.ts'
import { actOne } from './act-one.ts'
import { actThree, actTwo } from './act-release.ts'
import { startUp, type UpProcess } from './child.ts'
import { renderFrame } from './frame.ts'
import { newLines } from './printer.ts'
import { openScreen, type Screen } from '../live/screen.ts'
import { Stage } from './stage.ts'
import { hasSucceeded, summaryLines, tryNextLines } from './summary.ts'
import type { DemoResult, DemoView } from './view.ts'
import { watchWorld } from './world.ts'

/** As shells report a program that was ended by SIGINT. */
const EXIT_INTERRUPTED = 130
const BOOTING: DemoView = {
  elapsedMs: 0,
  act: undefined,
  steps: [],
  versions: [],
  whyDifferent: undefined,
  canaryVersion: undefined,
  requests: 0,
  failures: 0,
  perSecond: 0,
}

export async function demo({ deps, options }: Call<DemoOptions>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-demo-'))
  try {
    return await bootAndPlay(directory, deps, options)
  } finally {
    if (options.keep === true) deps.stderr.write(`The data directory is still there: ${directory}\n`)
    else await rm(directory, { recursive: true, force: true })
  }
}

async function bootAndPlay(directory: string, deps: CliDeps, options: DemoOptions): Promise<number> {
  const startedAtMs = deps.clock.now()
  let view = (): DemoView => ({ ...BOOTING, elapsedMs: deps.clock.now() - startedAtMs })
  const screen = openScreen({
    output: deps.stdout,
    env: deps.env,
    clock: deps.clock,
    view: () => view(),
    frame: renderFrame,
    newLines,
  })
  let up: UpProcess | undefined
  try {
    up = await startUp(join(directory, 'data'), deps)
    const show = (actual: () => DemoView): void => {
      view = actual
    }
    return await play({ deps, options, screen, up, directory, startedAtMs, show })
  } catch (error) {
    screen.end()
    if (isAbort(error, deps.signal)) return EXIT_INTERRUPTED
    throw error
  } finally {
    screen.end()
    await up?.stop()
  }
}

interface Play {
  readonly deps: CliDeps
  readonly options: DemoOptions
  readonly screen: Screen<DemoView>
  readonly up: UpProcess
  /** Throw-away. */
  readonly directory: string
  readonly startedAtMs: number
  /** From now on the screen shows this. */
  readonly show: (view: () => DemoView) => void
}

async function play({ deps, options, screen, up, directory, startedAtMs, show }: Play): Promise<number> {
  const { ready } = up
  const bootMs = deps.clock.now() - startedAtMs
  const { namespace: _, context: __, ...connection } = await loadKubeconfig(ready.kubeconfig)
  const client = createHttpClient({ ...connection, userAgent: 'sluice-demo' })
  const ending = new AbortController()
  const signal = AbortSignal.any([deps.signal, ending.signal])
  try {
    const world = await watchWorld({ client, clock: deps.clock, random: deps.random, signal })
    const stage = new Stage({
      deps,
      world,
      gateway: ready.gateway,
      kubeconfig: ready.kubeconfig,
      compileCache: join(directory, 'compile-cache'),
      startedAtMs,
      signal,
    })
    stage.onView((view) => screen.update(view))
    show(() => stage.view())
    try {
      await Promise.race([playActs(stage), up.crashed])
      const result: DemoResult = { acts: stage.acts, durationMs: deps.clock.now() - startedAtMs, bootMs }
      screen.end()
      screen.print(summaryLines(result))
      const code = hasSucceeded(result) ? 0 : 1
      if (options.once === true) return code
      screen.print([[], ...tryNextLines({ program: stage.program(), ...ready })])
      await Promise.race([untilAborted(deps.signal), up.crashed])
      return code
    } finally {
      await stage.close()
    }
  } finally {
    ending.abort(new Error('The demo has ended'))
    client.close()
  }
}

async function playActs(stage: Stage): Promise<void> {
  await actOne(stage)
  await actTwo(stage)
  await actThree(stage)
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
