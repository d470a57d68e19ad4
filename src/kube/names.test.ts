import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  configKeyErrors,
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  envNameErrors,
  ipFamilyOf,
  labelValueErrors,
  portNameErrors,
  qualifiedNameErrors,
} from './names.ts'
import type { Check } from './names.ts'

interface Table {
  readonly check: Check
  readonly right: readonly string[]
  readonly wrong: readonly string[]
}

const long = (length: number): string => 'a'.repeat(length)

const tables: Readonly<Record<string, Table>> = {
  'a DNS label': {
    check: dnsLabelErrors,
    right: ['a', '1', 'my-name', '123-abc', long(63)],
    wrong: ['', '-a', 'a-', 'A', 'a.b', 'a_b', long(64), 'ä'],
  },
  'a name of a Service': {
    check: dns1035LabelErrors,
    right: ['a', 'my-name', 'abc-123', long(63)],
    wrong: ['', '1a', '-a', 'a-', 'A', long(64)],
  },
  'a DNS subdomain': {
    check: dnsSubdomainErrors,
    right: ['a', 'a.b-c.d', '1.2', long(253)],
    wrong: ['', '.a', 'a.', 'a..b', 'A', 'a_b', long(254)],
  },
  'a qualified name': {
    check: qualifiedNameErrors,
    right: ['a', 'A.b_c-d', 'example.com/a', `${long(253)}/a`],
    wrong: ['', '/a', 'a/', 'a/b/c', '-a', 'Example.com/a', `x/${long(64)}`],
  },
  'a label value': { check: labelValueErrors, right: ['', 'A', 'a.b_c-d'], wrong: ['-a', 'a b', 'a/b', long(64)] },
  'a name of an environment variable': {
    check: envNameErrors,
    right: ['A', 'my.var', 'with space', '1'],
    wrong: ['', 'a=b', 'a\n'],
  },
  'a name of a port': {
    check: portNameErrors,
    right: ['http', 'http-2', 'a1'],
    wrong: ['', '80', 'Http', 'a--b', '-a', 'a-', 'longer-than-15-x'],
  },
  'a key of a ConfigMap': {
    check: configKeyErrors,
    right: ['a', 'A.b_c-d', '..a'],
    wrong: ['', '.', '..', 'a/b', 'a b'],
  },
}

for (const [what, { check, right, wrong }] of Object.entries(tables)) {
  for (const text of right) {
    test(`${JSON.stringify(text)} is ${what}`, () => assert.deepEqual(check(text), []))
  }
  for (const text of wrong) {
    test(`${JSON.stringify(text)} is not ${what}`, () => assert.notDeepEqual(check(text), []))
  }
}

for (const text of ['127.0.0.1', '0.0.0.0', '255.255.255.255']) {
  test(`${text} is an IPv4 address`, () => assert.equal(ipFamilyOf(text), 4))
}
for (const text of ['::', '::1', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::']) {
  test(`${text} is an IPv6 address`, () => assert.equal(ipFamilyOf(text), 6))
}
const noAddresses = [
  '',
  '1.2.3',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4.5',
  ':',
  '1:2',
  ':::',
  '1::2::3',
  '12345::',
  'g::',
  '::1.2',
  '1:2:3:4:5:6:7:8:9',
  'localhost',
]
for (const text of noAddresses) {
  test(`"${text}" is no IP address`, () => assert.equal(ipFamilyOf(text), undefined))
}
