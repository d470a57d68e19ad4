/** The reset of a stream of which something is still to be sent. */
import type { Http2Stream } from 'node:http2'

/**
 * By itself the library would first end what is sent, as if it were complete. Where trailers may follow and the stream is reset
 * out of what its session reads just now, that end also comes after the stream is gone, and the library ends the process. One that
 * was ended already may still owe them: it is reset behind what is read.
 *
 * What was received and is not read would keep it from closing.
 */
export function resetStream(stream: Http2Stream, code: number): void {
  if (stream.writableEnded) {
    setImmediate(() => stream.destroyed || stream.close(code))
  } else {
    stream._final = endNothing
    stream.close(code)
  }
  stream.resume()
}

function endNothing(callback: () => void): void {
  callback()
}
