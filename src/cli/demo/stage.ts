/** Where the acts play: the world, the traffic, the commands that are typed, and the record of every step. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { allHold, type Counts, added } from './checks.ts'
import { configuredRoutes } from './routes.ts'
import { type CommandSurroundings, runCommand } from './run-command.ts'
import { Tally } from './tally.ts'
import { startTraffic, type Traffic } from './traffic.ts'
import { versionViews } from './versions.ts'
import type { ActResult, Check, DemoView, StepView } from './view.ts'
import { programmedGeneration, type World } from './world.ts'

/** The manifests of the acts, beside the sources and in the package. */
const STORIES = resolve(import.meta.dirname, '../../../examples/stories')
const REQUESTS_PER_SECOND = 200
const NEWS_DELAY_MAX_MS = 300

export interface StageOptions extends CommandSurroundings {
  readonly world: World
  readonly gateway: string
  readonly startedAtMs: number
}

export interface StepPlan {
  readonly title: string
  /** Arguments of `sluice`; absent when Sluice acts by itself. */
  readonly args?: readonly string[]
}

/** A step under way. */
export interface Step {
  /** Shows what it waits for; replaced by the next note. */
  note(text: string): void
  /** Ends the step: passed when all checks hold. */
  end(checks: readonly Check[], details?: { readonly shiftMs?: number | undefined }): void
}

export class Stage {
  readonly world: World
  readonly #options: StageOptions
  readonly #tally = new Tally()
  readonly #listeners = new Set<(view: DemoView) => void>()
  #traffic: Traffic | undefined
  #liveGeneration = 0
  #canariesFollowWeights = false
  #steps: readonly StepView[] = []
  #checks: readonly Check[] = []
  #acts: readonly ActResult[] = []
  #act:
    | { readonly number: number; readonly title: string; readonly total: number; readonly startedAtMs: number }
    | undefined

  constructor(options: StageOptions) {
    this.#options = options
    this.world = options.world
    this.world.onChange(() => this.#publish())
  }

  /** Calls `listener` after every change worth showing. */
  onView(listener: (view: DemoView) => void): void {
    this.#listeners.add(listener)
  }

  beginAct(number: number, title: string, total: number): void {
    this.#act = { number, title, total, startedAtMs: this.#nowMs() }
    this.#checks = []
    this.#publish()
  }

  /** Ends the act and keeps its result; `checks` are those about the act as a whole. */
  endAct(checks: readonly Check[], notes: readonly string[] = []): void {
    const act = this.#act
    if (act === undefined) throw new Error('Cannot end an act that has not begun')
    const { requests, failures } = this.tally(act.number)
    const result: ActResult = {
      number: act.number,
      title: act.title,
      steps: this.#steps.filter((step) => step.act === act.number),
      requests,
      failures,
      durationMs: this.#nowMs() - act.startedAtMs,
      checks: [...this.#checks, ...checks],
      notes,
    }
    this.#acts = [...this.#acts, result]
  }

  get acts(): readonly ActResult[] {
    return this.#acts
  }

  /** Begins a step and, where it has a command, runs it to its end; a command that fails ends the demo. */
  async step({ title, args }: StepPlan): Promise<Step> {
    const number = this.#steps.filter(({ act }) => act === this.#act?.number).length + 1
    this.#steps = [
      ...this.#steps,
      {
        act: this.#act?.number ?? 0,
        number,
        total: Math.max(number, this.#act?.total ?? 0),
        title,
        command: args === undefined ? undefined : [this.#program(), ...args].map((word) => this.#shown(word)).join(' '),
        output: [],
        findings: [],
        state: 'running',
        shiftMs: undefined,
      },
    ]
    this.#publish()
    if (args !== undefined) this.#update({ output: await runCommand(args, this.#options) })
    return {
      note: (text) => this.#update({ findings: [text] }),
      end: (checks, details = {}) => {
        this.#checks = [...this.#checks, ...checks]
        const findings = checks.map(({ text }) => text)
        const state = allHold(checks) ? 'passed' : 'failed'
        this.#update({ findings, state, shiftMs: details.shiftMs })
      },
    }
  }

  /** Starts the live traffic, which then runs to the end of the demo. */
  openTraffic(): void {
    const { deps, gateway } = this.#options
    this.#traffic ??= startTraffic({
      url: `${gateway}/`,
      perSecond: REQUESTS_PER_SECOND,
      clock: deps.clock,
      act: () => this.#act?.number ?? 0,
      onSample: (sample) => this.#tally.add(sample),
    })
  }

  /** The next so many plain requests, alone: which versions they met. */
  batch(count: number): Promise<Counts> {
    return this.#unlessAborted(this.#running().batch(count))
  }

  /** The version that one request with `stage: canary` meets. */
  askAsCanary(): Promise<string> {
    return this.#unlessAborted(this.#running().one('canary'))
  }

  /**
   * Resolves once the route's latest write is live on every proxy, with the milliseconds that took. The command that
   * wrote it has ended, but the news of its write may still be on the way here: the write meant is the first one newer
   * than what was waited for before.
   */
  async untilRouteLive(): Promise<number | undefined> {
    const shift = await this.world.until('the routes to be live', () => {
      const route = this.world.route()
      const generation = route?.metadata.generation ?? 0
      if (route === undefined || generation <= this.#liveGeneration || programmedGeneration(route) < generation)
        return undefined
      return this.world.shifts().find((each) => each.generation === generation)
    })
    this.#liveGeneration = shift.generation
    return shift.liveAtMs === undefined ? undefined : shift.liveAtMs - shift.writtenAtMs
  }

  /** The routes are live: from now on requests count for the observed shares. */
  markLive(): void {
    this.#tally.mark(this.#nowMs())
    this.#canariesFollowWeights = configuredRoutes(this.world.route()).canaryVersion === undefined
    this.#publish()
  }

  /**
   * Requests per version since the routes are live, as far as the weights decide: where no route asks for
   * `stage: canary`, requests with it draw from the same split as all others.
   */
  observed(): Counts {
    const plain = this.#tally.window('plain')
    return this.#canariesFollowWeights ? added(plain, this.#tally.window('canary')) : plain
  }

  /**
   * The same, as of a moment ago: the news that the routes have changed comes late on a busy machine, and what was sent
   * just before it came may have followed the new ones already.
   */
  observedBeforeChange(): Counts {
    const untilMs = this.#nowMs() - NEWS_DELAY_MAX_MS
    const plain = this.#tally.windowUntil('plain', untilMs)
    return this.#canariesFollowWeights ? added(plain, this.#tally.windowUntil('canary', untilMs)) : plain
  }

  tally(act: number): ReturnType<Tally['act']> {
    return this.#tally.act(act)
  }

  async close(): Promise<void> {
    await this.#traffic?.stop()
  }

  /** A file of the stories, as an argument of a command. */
  file(path: string): string {
    return resolve(STORIES, path)
  }

  /** How the program is called from here. */
  program(): string {
    return this.#program()
  }

  view(): DemoView {
    const nowMs = this.#nowMs()
    const { percents, canaryVersion } = configuredRoutes(this.world.route())
    const act = this.#act
    return {
      elapsedMs: nowMs - this.#options.startedAtMs,
      act: act === undefined ? undefined : { number: act.number, title: act.title },
      steps: this.#steps,
      versions: versionViews(this.world.pods(), percents, this.observed()),
      whyDifferent: this.world.whyDifferent(),
      canaryVersion,
      requests: this.#tally.requests,
      failures: this.#tally.failures,
      perSecond: this.#tally.perSecond(nowMs),
    }
  }

  #running(): Traffic {
    if (this.#traffic === undefined) throw new Error('Cannot send requests before the traffic runs')
    return this.#traffic
  }

  #nowMs(): number {
    return this.#options.deps.clock.now()
  }

  #program(): string {
    return existsSync(resolve(this.#options.deps.cwd, 'sluice')) ? './sluice' : 'sluice'
  }

  /** File names as a person in this directory would type them. */
  #shown(word: string): string {
    if (!word.startsWith(STORIES)) return word
    const path = relative(this.#options.deps.cwd, word)
    return path.startsWith('..') ? word : path
  }

  #update(change: Partial<StepView>): void {
    const last = this.#steps.at(-1)
    if (last !== undefined) this.#steps = [...this.#steps.slice(0, -1), { ...last, ...change }]
    this.#publish()
  }

  #publish(): void {
    const view = this.view()
    for (const listener of this.#listeners) listener(view)
  }

  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#options
    return new Promise((resolve_, reject) => {
      const onAbort = (): void => reject(signal.reason as Error)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      promise.then(resolve_, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }
}
