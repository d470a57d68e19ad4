/** What a connection costs that is open and does nothing, after one request on it. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { usageOf } from '../process-usage.ts'
import type { Running } from './contenders/contender.ts'

const IDLE_CONNECTIONS = 5_000
/** Connections opened at the same time: few enough for every backlog. */
const OPENING_MAX = 100

/** KiB of resident memory for each connection. */
export async function idleConnectionKiB({ port, pid }: Running): Promise<number> {
  // Pools and tables that grow with the first clients are not what is asked for.
  await closeAll(await open(port, 500))
  const before = await usageOf(pid)
  const sockets = await open(port, IDLE_CONNECTIONS)
  const after = await usageOf(pid)
  await closeAll(sockets)
  return ((after.rssMiB - before.rssMiB) * 1024) / IDLE_CONNECTIONS
}

async function open(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const next = Math.min(OPENING_MAX, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: next }, () => useOnce(port)))))
  }
  return sockets
}

function useOnce(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: echo.example\r\n\r\n'))
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (/version:v[12]\n(?:\r\n0\r\n\r\n)?$/.test(text)) resolve(socket)
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('Cannot measure: the proxy closed a connection')))
  })
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  const closed = sockets.map(
    (socket) =>
      new Promise((resolve) => {
        socket.on('close', resolve)
      }),
  )
  for (const socket of sockets) socket.destroy()
  await Promise.all(closed)
}
