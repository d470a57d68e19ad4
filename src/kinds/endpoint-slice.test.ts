import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { endpointSliceKind } from './endpoint-slice.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import { endpointsKind } from './endpoints.ts'

function slice(addresses: readonly string[], fields: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1' },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ port: 8080 }],
    ...fields,
  }
}

test('ports get a name and a protocol', () => {
  assert.deepEqual(admitted(endpointSliceKind, slice([])).ports, [{ name: '', port: 8080, protocol: 'TCP' }])
})

test('addresses are of the slice’s family', () => {
  assert.deepEqual(complaints(endpointSliceKind, slice(['127.20.0.1'])), [])
  assert.deepEqual(complaints(endpointSliceKind, slice(['::1'])), [
    'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
  ])
  assert.deepEqual(complaints(endpointSliceKind, slice([], { endpoints: [{ addresses: [] }] })), [
    'endpoints[0].addresses: Required value: must contain at least 1 address',
  ])
})

test('the address type stays what it was', () => {
  assert.deepEqual(complaints(endpointSliceKind, slice([], { addressType: 'IPv6' }), slice([])), [
    'addressType: Invalid value: "IPv6": field is immutable',
  ])
})

test('a row shows the first addresses', () => {
  const object = slice(['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'])
  assert.deepEqual(cells(endpointSliceKind, object), {
    AddressType: 'IPv4',
    Ports: '8080',
    Endpoints: '127.0.0.1,127.0.0.2,127.0.0.3 + 2 more...',
    Age: '<unknown>',
  })
  assert.equal(cells(endpointSliceKind, slice([]))['Endpoints'], '<unset>')
})

test('Endpoints list ready addresses with each port, and warn that they are old', () => {
  const object = admitted(endpointsKind, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web' },
    subsets: [
      {
        addresses: [{ ip: '127.0.0.1' }],
        notReadyAddresses: [{ ip: '127.0.0.2' }],
        ports: [{ port: 80 }, { port: 81 }],
      },
    ],
  })
  assert.equal(cells(endpointsKind, object)['Endpoints'], '127.0.0.1:80,127.0.0.1:81')
  assert.equal(endpointsKind.warnings?.(object).length, 1)
  assert.deepEqual(complaints(endpointsKind, { ...object, subsets: [{ addresses: [{ ip: 'x' }] }] }), [
    'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
  ])
})
