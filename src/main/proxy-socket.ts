/** Where control and its proxies meet. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** Longer paths do not fit a Unix socket's address (108 bytes on Linux, 104 on macOS). */
const SOCKET_PATH_BYTES_MAX = 100

/** In the data directory, or where its path is too long for a socket, in a folder of this user's beside the others. */
export function proxySocketPath(dataDir: string): string {
  const path = join(dataDir, 'run', 'proxy.sock')
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path
  const folder = join(tmpdir(), `sluice-${userInfo().uid}-run`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  if (uid !== userInfo().uid || (mode & 0o077) !== 0) {
    throw new Error(`Cannot keep the proxies' socket in "${folder}": it must belong to this user alone; remove it`)
  }
  return join(folder, `${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}.sock`)
}
