/** Writing heads and parts of bodies to a client: in one piece where that is cheap. */
import type { Body } from './side.ts'

/** Bodies up to this size are written as one string with their head: one system call, no second buffer. */
export const INLINE_BODY_BYTES_MAX = 8 * 1024

export interface MessageOutput {
  /** Text (latin1), then bytes. False: they wait in a buffer; write more only when that is empty. */
  write(text: string, body: Buffer | null): boolean
}

/** Text and a part of a body; either may be empty. */
export function writePart(output: MessageOutput, text: string, { buffer, from, to }: Body): boolean {
  if (from === to) return text === '' || output.write(text, null)
  if (text !== '' && to - from <= INLINE_BODY_BYTES_MAX)
    return output.write(text + buffer.toString('latin1', from, to), null)
  return output.write(text, from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to))
}
