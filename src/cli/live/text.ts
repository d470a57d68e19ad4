/** Styled text for a terminal: lines made of segments, so that their width is known whatever their colours. */

export interface Segment {
  readonly text: string
  readonly style: 'plain' | 'bold' | 'dim' | 'green' | 'yellow' | 'red'
}

export type Line = readonly Segment[]

const of =
  (style: Segment['style']) =>
  (text: string): Segment => ({ text, style })

export const plain = of('plain')
export const bold = of('bold')
export const dim = of('dim')
export const green = of('green')
export const yellow = of('yellow')
export const red = of('red')

const CODES: Readonly<Record<Segment['style'], string>> = {
  plain: '',
  bold: '\u001b[1m',
  dim: '\u001b[2m',
  green: '\u001b[32m',
  yellow: '\u001b[33m',
  red: '\u001b[31m',
}
const RESET = '\u001b[0m'

/** The line cut to at most `columns` characters; a cut ends in an ellipsis. */
export function fit(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line
  const cut: Segment[] = []
  let room = columns - 1
  for (const segment of line) {
    const characters = Array.from(segment.text).slice(0, Math.max(0, room))
    room -= characters.length
    cut.push({ ...segment, text: characters.join('') })
  }
  return [...cut, plain('…')]
}

/** The text in lines of at most `columns` characters, broken between words; a longer word keeps its line for `fit`. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + Array.from(text).length, 0)
}

/** As text, with colours when `color` is set. */
export function lineText(line: Line, color: boolean): string {
  return line
    .map(({ text, style }) => (color && style !== 'plain' && text !== '' ? CODES[style] + text + RESET : text))
    .join('')
}
