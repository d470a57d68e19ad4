/** A picture of something that goes on: redrawn a few times a second, or plain lines where there is no terminal. */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Output } from '../deps.ts'
import { type Line, lineText } from './text.ts'

export interface FrameSize {
  readonly columns: number
  readonly rows: number
}

export interface Screen<V> {
  /** The view may have changed. */
  update(view: V): void
  /** Leaves the terminal as it was; afterwards only `print` shows anything. Idempotent. */
  end(): void
  /** Prints lines that stay. */
  print(lines: readonly Line[]): void
}

export interface ScreenOptions<V> {
  readonly output: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** The view as it is now, for redrawing between changes. */
  readonly view: () => V
  /** One screen: at most `rows` lines, none wider than `columns`. Pure. */
  readonly frame: (view: V, size: FrameSize) => readonly Line[]
  /** Where there is no terminal: lines for what is in the view and was not in the one before. Pure. */
  readonly newLines: (view: V, before: V | undefined) => readonly string[]
}

export function openScreen<V>(options: ScreenOptions<V>): Screen<V> {
  const isTerminal = options.output.isTTY === true && options.env['TERM'] !== 'dumb'
  return isTerminal ? new TerminalScreen(options) : new PlainScreen(options)
}

class PlainScreen<V> implements Screen<V> {
  readonly #options: ScreenOptions<V>
  #before: V | undefined
  #isEnded = false

  constructor(options: ScreenOptions<V>) {
    this.#options = options
  }

  update(view: V): void {
    if (this.#isEnded) return
    const { output, newLines } = this.#options
    for (const line of newLines(view, this.#before)) output.write(`${line}\n`)
    this.#before = view
  }

  end(): void {
    this.#isEnded = true
  }

  print(lines: readonly Line[]): void {
    for (const line of lines) this.#options.output.write(`${lineText(line, false)}\n`)
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
class TerminalScreen<V> implements Screen<V> {
  readonly #options: ScreenOptions<V>
  readonly #hasColor: boolean
  readonly #onResize = (): void => this.#draw()
  #timer: Timer | undefined
  #isEnded = false

  constructor(options: ScreenOptions<V>) {
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
    const { output, view, frame } = this.#options
    const size = { columns: output.columns ?? DEFAULT_SIZE.columns, rows: output.rows ?? DEFAULT_SIZE.rows }
    // One write, line over line: nothing flickers. The last line has no line feed, which would scroll.
    const lines = frame(view(), size).map((line) => lineText(line, this.#hasColor) + CLEAR_LINE_END)
    output.write(HOME + lines.join('\r\n') + CLEAR_BELOW)
  }
}
