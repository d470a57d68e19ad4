import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { test } from 'node:test'
import { seededRandom } from '../../base/random.ts'
import { CLIENT_HELLO_BYTES_MAX, readClientHello } from './client-hello.ts'

/** What a real client sends first. */
async function helloOf(servername: string): Promise<Buffer> {
  const first = Promise.withResolvers<Buffer>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (chunk: Buffer) => {
      first.resolve(chunk)
      socket.destroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, servername })
  client.on('error', () => {})
  const hello = await first.promise
  client.destroy()
  server.close()
  return hello
}

const named = await helloOf('Echo.example.com')
const unnamed = await helloOf('')

/** The same message in records of at most so many bytes. */
function fragmented(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment)
  }
  return Buffer.concat(records)
}

test('the server name of a real client is read, in lower case', () => {
  assert.deepEqual(readClientHello(named), { kind: 'hello', serverName: 'echo.example.com' })
  assert.deepEqual(readClientHello(unnamed), { kind: 'hello', serverName: '' })
})

test('a hello in many records is the same hello', () => {
  for (const size of [50, 100, 1_000]) {
    assert.deepEqual(readClientHello(fragmented(named, size)), { kind: 'hello', serverName: 'echo.example.com' })
  }
})

test('a hello in crumbs is refused', () => {
  assert.equal(readClientHello(fragmented(named, 1)).kind, 'refused')
})

test('every beginning of a hello is incomplete, not wrong', () => {
  for (let length = 0; length < named.length; length++) {
    assert.equal(readClientHello(named.subarray(0, length)).kind, 'incomplete')
  }
})

test('what is no hello is refused at its first byte, and nothing is waited for without bound', () => {
  assert.equal(readClientHello(Buffer.from('G')).kind, 'refused')
  assert.equal(readClientHello(Buffer.from([22, 2])).kind, 'refused')
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 0])).kind, 'refused')
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 1])).kind, 'refused')
  const tooLong = CLIENT_HELLO_BYTES_MAX + 1
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 0, tooLong >> 8, tooLong & 0xff])).kind, 'refused')
})

test('no bytes make it fail, and a name that is read is always one that can be', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(named)
    for (let change = 0; change < 3; change++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const read = readClientHello(bytes)
    if (read.kind === 'hello') assert.match(read.serverName, /^[a-z0-9_.-]*$/)
  }
})
