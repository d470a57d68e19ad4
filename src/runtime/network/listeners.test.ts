import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { answering, parseListeners, readListeners } from './listeners.ts'

const row = (local: string, state: string, inode: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100 0 0 10 0`

test('listening sockets are read in all forms of an address', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('0500177F:0BB8', '0A', 1),
    row('00000000:0BB8', '0A', 2),
    row('00000000000000000000000000000000:0BB8', '0A', 3),
    row('0000000000000000FFFF00000500177F:0BB8', '0A', 4),
    row('00000000000000000000000001000000:0BB8', '0A', 5),
    row('0600177F:0BB8', '01', 6),
    '',
  ].join('\n')
  assert.deepEqual(
    parseListeners(table).map(({ address, port, inode }) => [address, port, inode]),
    [
      ['127.23.0.5', 3000, 1],
      ['0.0.0.0', 3000, 2],
      ['::', 3000, 3],
      ['127.23.0.5', 3000, 4],
    ],
  )
})

test('the exact address wins over all addresses, and IPv4 over IPv6', () => {
  const all = [
    { address: '::', port: 80, inode: 1 },
    { address: '0.0.0.0', port: 80, inode: 2 },
    { address: '127.23.0.5', port: 80, inode: 3 },
    { address: '127.23.0.5', port: 80, inode: 4 },
    { address: '127.23.0.6', port: 81, inode: 5 },
  ]
  const inodes = (address: string, port: number, from = all) => answering(from, address, port).map(({ inode }) => inode)
  assert.deepEqual(inodes('127.23.0.5', 80), [3, 4])
  assert.deepEqual(inodes('127.23.0.6', 80), [2])
  assert.deepEqual(inodes('127.23.0.6', 80, all.slice(0, 1)), [1])
  assert.deepEqual(inodes('127.23.0.5', 81), [])
})

test('a socket that listens now is in the table, one that was closed is not', async () => {
  const server = createServer().listen(0, '127.203.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const there = () => answering(readListeners(), '127.203.0.1', port).length
  assert.equal(there(), 1)
  server.close()
  await once(server, 'close')
  assert.equal(there(), 0)
})
