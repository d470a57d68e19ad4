/** The terminal during the demo: redrawn a few times a second, or plain lines where there is no terminal. */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Output } from '../deps.ts'
import { renderFrame } from './frame.ts'
import { newLines } from './printer.ts'
import { type Line, lineText } from './text.ts'
import type { DemoView } from './view.ts'

export interface Screen {
  /** The view may have changed. */
  update(view: DemoView): void
  /** Leaves the terminal as it was; afterwards only `print` shows anything. Idempotent. */
  end(): void
  /** Prints lines that stay. */
  print(lines: readonly Line[]): void
}

export interface ScreenOptions {
  readonly output: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** The view as it is now, for redrawing between changes. */
  readonly view: () => DemoView
}

export function openScreen(options: ScreenOptions): Screen {
  const isTerminal = options.output.isTTY === true && options.env['TERM'] !== 'dumb'
  return isTerminal ? new TerminalScreen(options) : new PlainScreen(options.output)
}

class PlainScreen implements Screen {
  readonly #output: Output
  #before: DemoView | undefined
  #isEnded = false

  constructor(output: Output) {
    this.#output = output
  }

  update(view: DemoView): void {
    if (this.#isEnded) return
    for (const line of newLines(view, this.#before)) this.#output.write(`${line}\n`)
    this.#before = view
  }

  end(): void {
    this.#isEnded = true
  }

  print(lines: readonly Line[]): void {
    for (const line of lines) this.#output.write(`${lineText(line, false)}\n`)
  }
}

const REDRAW_MS = 100
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE_END = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const DEFAULT_SIZE = { columns: 80, rows: 24 }

/** Draws on the alternate screen, so that what was in the terminal before comes back at the end. */
class TerminalScreen implements Screen {
  readonly #options: ScreenOptions
  readonly #hasColor: boolean
  readonly #onResize = (): void => this.#draw()
  #timer: Timer | undefined
  #isEnded = false

  constructor(options: ScreenOptions) {
    this.#options = options
    this.#hasColor = (options.env['NO_COLOR'] ?? '') === ''
    options.output.write(ENTER)
    options.output.on('resize', this.#onResize)
    this.#tick()
  }

  // The next tick draws it: many changes may come at once.
  update(): void {}

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#timer?.cancel()
    this.#options.output.off('resize', this.#onResize)
    this.#options.output.write(LEAVE)
  }

  print(lines: readonly Line[]): void {
    for (const line of lines) this.#options.output.write(`${lineText(line, this.#hasColor)}\n`)
  }

  #tick(): void {
    if (this.#isEnded) return
    this.#draw()
    this.#timer = this.#options.clock.after(REDRAW_MS, () => this.#tick())
  }

  #draw(): void {
    const { output, view } = this.#options
    const size = { columns: output.columns ?? DEFAULT_SIZE.columns, rows: output.rows ?? DEFAULT_SIZE.rows }
    // One write, line over line: nothing flickers. The last line has no line feed, which would scroll.
    const lines = renderFrame(view(), size).map((line) => lineText(line, this.#hasColor) + CLEAR_LINE_END)
    output.write(HOME + lines.join('\r\n') + CLEAR_BELOW)
  }
}
