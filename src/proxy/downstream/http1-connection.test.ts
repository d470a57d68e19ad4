import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { once } from 'node:events'

import { Http1ClientConnection } from './http1-connection.ts'
import { prepareHttp } from '../serving/http-policy.ts'
import { systemClock } from '../../base/clock.ts'
import { DateLine } from '../policy/date-line.ts'
import { PassedBytes } from '../exchange/passed-bytes.ts'
import type { ServingListener } from '../serving/serving-state.ts'

test('an error of ours while a request is served ends its connection and is told, and goes no further', async (t) => {
  const errors: unknown[] = []
  const server = createServer((socket) => {
    let isBroken = false
    const connection = new Http1ClientConnection(socket, {
      wire: socket,
      monotonicMs: () => performance.now(),
      date: new DateLine(systemClock),
      passed: new PassedBytes(() => {}),
      newRequestId: () => 'id',
      scheme: 'http',
      serving: () => {
        if (isBroken) throw new Error('broken')
        return { http: prepareHttp() } as ServingListener
      },
      isDraining: () => false,
      onRefused: () => {},
      onCrash: (error) => errors.push(error),
      onClosed: () => {},
      onHttp2: () => {},
    })
    isBroken = true
    t.after(() => connection.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(client, 'close')
  assert.deepEqual(errors.map(String), ['Error: broken'])
})
