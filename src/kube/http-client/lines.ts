/** Splits a byte stream into lines, as watch streams and followed logs come. */
import { StringDecoder } from 'node:string_decoder'

/** Yields each line without its line feed; a last line without one too. Throws when a line exceeds `lineCharactersMax`. */
export async function* splitLines(body: AsyncIterable<Uint8Array>, lineCharactersMax: number): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let length = 0
  for await (const chunk of body) {
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      parts.push(text.slice(start, end))
      yield parts.join('')
      parts = []
      length = 0
      start = end + 1
    }
    if (start === text.length) continue
    parts.push(text.slice(start))
    length += text.length - start
    if (length > lineCharactersMax) {
      throw new Error(`Cannot read the stream: a line is longer than ${lineCharactersMax} characters`)
    }
  }
  const last = parts.join('') + decoder.end()
  if (last !== '') yield last
}
