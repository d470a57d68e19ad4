/**
 * An endpoint may answer and close before it has taken the whole request. The next write fails then, and the library would
 * throw away the connection with the answer that is still to be read. Here a write that fails never ends: the reading side gives what
 * there is, and then tells that the connection is over, as after every failure of a write.
 */
import type { Socket } from 'node:net'

type Done = (error?: Error | null) => void

/** `onFailed`: nothing more can be sent. */
export function holdFailedWrites(socket: Socket, onFailed: () => void): void {
  const held =
    (done: Done): Done =>
    (error) => {
      if (error === undefined || error === null) done()
      else onFailed()
    }
  const write = socket._write.bind(socket)
  socket._write = (chunk, encoding, done) => write(chunk, encoding, held(done))
  const writev = socket._writev?.bind(socket)
  if (writev !== undefined) socket._writev = (chunks, done) => writev(chunks, held(done))
}
