import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { GET, RawHttp2Client } from '../../../test/support/http2-client.ts'
import { prepareHttp } from '../serving/http-policy.ts'
import { systemClock } from '../../base/clock.ts'
import { DateLine } from '../policy/date-line.ts'
import { PassedBytes } from '../exchange/passed-bytes.ts'
import type { ServingListener } from '../serving/serving-state.ts'

import { Http2ClientSession } from './http2-session.ts'

test('an error of ours while a request is served ends its stream and is told, and goes no further', async (t) => {
  const errors: unknown[] = []
  let isBroken = false
  const server = createServer((socket) => {
    const session = new Http2ClientSession(socket, {
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
    })
    t.after(() => session.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  const client = new RawHttp2Client(t, (server.address() as AddressInfo).port).greet()
  await client.until(() => true)
  isBroken = true
  client.request(1, GET).request(3, GET)
  assert.equal(await client.untilReset(1), constants.NGHTTP2_INTERNAL_ERROR)
  assert.equal(await client.untilReset(3), constants.NGHTTP2_INTERNAL_ERROR)
  assert.deepEqual(errors.map(String), ['Error: broken', 'Error: broken'])
  assert.equal(client.isClosed, false)
})
