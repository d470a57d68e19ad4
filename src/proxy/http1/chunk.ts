/** Bodies whose length is not told, on their way from HTTP/2 (RFC 9112 §7.1). */

/** One chunk; never empty, for that would be the last one. */
export function chunkOf(content: Buffer): Buffer {
  const size = `${content.length.toString(16)}\r\n`
  const chunk = Buffer.allocUnsafe(size.length + content.length + 2)
  chunk.write(size, 'latin1')
  content.copy(chunk, size.length)
  chunk.write('\r\n', size.length + content.length, 'latin1')
  return chunk
}
