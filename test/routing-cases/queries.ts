/** Query parameters are compared as sent, and only the first of a name counts (decision 0054). */
import type { QueryMatch, ValueMatch } from '../../src/routing/match-model.ts'
import { shown, single } from './sketch.ts'
import type { RoutingCase } from './sketch.ts'

interface QueryTable {
  readonly name?: string
  readonly value: ValueMatch
  /** Query strings, without the question mark. */
  readonly takes: readonly string[]
  readonly leaves: readonly string[]
}

const tables: readonly QueryTable[] = [
  {
    value: { kind: 'exact', value: '2' },
    takes: ['v=2', 'a=1&v=2', 'v=2&a=1', 'v=2&v=3', '&v=2', 'a&v=2', '&&v=2&&', 'v=2&'],
    leaves: [
      '',
      'v',
      'v=',
      'v=22',
      'v=12',
      'xv=2',
      'vv=2',
      'V=2',
      'v=3&v=2',
      'v&v=2',
      'v%3D2',
      'v=%32',
      '%76=2',
      'v=2;a=1',
      'a=1;v=2',
      'v==2',
      'a=v=2',
      'v=+2',
      'v[]=2',
    ],
  },
  {
    value: { kind: 'exact', value: '' },
    takes: ['v', 'v=', 'v&a=1', 'a&v', 'v=&v=2'],
    leaves: ['', 'v=1', 'vv', 'v=1&v'],
  },
  { value: { kind: 'exact', value: 'a%20b' }, takes: ['v=a%20b'], leaves: ['v=a+b', 'v=a%20B', 'v=a%2520b'] },
  { value: { kind: 'exact', value: '1=2' }, takes: ['v=1=2'], leaves: ['v=1'] },
  { value: { kind: 'exact', value: 'a?b' }, takes: ['v=a?b'], leaves: ['v=a'] },
  { value: { kind: 'exact', value: 'a/b' }, takes: ['v=a/b'], leaves: ['v=a%2Fb'] },
  { value: { kind: 'prefix', value: 'can' }, takes: ['v=can', 'v=canary'], leaves: ['v=ca', 'v=xcan', 'v', 'v=Can'] },
  { value: { kind: 'suffix', value: 'ary' }, takes: ['v=ary', 'v=canary'], leaves: ['v=aryx', 'v=x&v=canary', 'v'] },
  { value: { kind: 'regex', value: '[0-9]+' }, takes: ['v=42', 'v=4&v=x'], leaves: ['v=42x', 'v=', 'v', 'v=x&v=4'] },
  { value: { kind: 'regex', value: '\\d+$' }, takes: ['v=123'], leaves: ['v=a123'] },
  { value: { kind: 'regex', value: '.*' }, takes: ['v', 'v=', 'v=x%20y'], leaves: ['', 'a=1'] },
  { value: { kind: 'regex', value: '(?i)yes|on' }, takes: ['v=YES', 'v=on'], leaves: ['v=yeson'] },
  {
    value: { kind: 'present' },
    takes: ['v', 'v=', 'v=1', 'a&v=1', 'v&v'],
    leaves: ['', 'vv', 'vv=1', 'a=v', 'V', 'a=1?v=2', '%76'],
  },
  { name: 'a[]', value: { kind: 'exact', value: '1' }, takes: ['a[]=1'], leaves: ['a%5B%5D=1', 'a=1'] },
  { name: 'a.b-c_d', value: { kind: 'present' }, takes: ['a.b-c_d'], leaves: ['aXb-c_d'] },
]

function casesOf({ name = 'v', value, takes, leaves }: QueryTable): RoutingCase[] {
  const one = (query: string, isTaken: boolean): RoutingCase => {
    const target = query === '' ? '/' : `/?${query}`
    const title = `query ${name} ${shown(value)} ${isTaken ? 'takes' : 'leaves'} ${target}`
    return single(title, { query: [{ name, value }] }, { target }, isTaken)
  }
  return [...takes.map((query) => one(query, true)), ...leaves.map((query) => one(query, false))]
}

const both: readonly QueryMatch[] = [
  { name: 'a', value: { kind: 'exact', value: '1' } },
  { name: 'b', value: { kind: 'present' } },
]

export const queryCases: readonly RoutingCase[] = [
  ...tables.flatMap(casesOf),
  single('query: both of two', { query: both }, { target: '/?a=1&b' }, true),
  single('query: both of two, in the other order', { query: both }, { target: '/?b=2&c=3&a=1' }, true),
  single('query: one of two', { query: both }, { target: '/?a=1' }, false),
  single('query: the other of two', { query: both }, { target: '/?b=1' }, false),
  single('query: both, one with another value', { query: both }, { target: '/?a=2&b=1' }, false),
  single('query: the last of a thousand', { query: both.slice(1) }, { target: `/?${'a=1&'.repeat(1_000)}b=2` }, true),
  single(
    'query, path, method and header together',
    {
      path: { kind: 'path-prefix', value: '/api' },
      methods: ['PUT'],
      headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }],
      query: both,
    },
    { method: 'PUT', target: '/api/x?a=1&b=2', headers: [['stage', 'canary']] },
    true,
  ),
  ...(
    [
      ['path', { target: '/apis?a=1&b=2' }],
      ['method', { method: 'POST' }],
      ['header', { headers: [] }],
      ['query', { target: '/api/x?a=1' }],
    ] as const
  ).map(([what, change]) =>
    single(
      `query, path, method and header together, but another ${what}`,
      {
        path: { kind: 'path-prefix', value: '/api' },
        methods: ['PUT'],
        headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }],
        query: both,
      },
      { method: 'PUT', target: '/api/x?a=1&b=2', headers: [['stage', 'canary']], ...change },
      false,
    ),
  ),
]
