/** Methods and header fields. A field that was sent several times matches when one of its values does (decision 0054). */
import type { HeaderMatch, ValueMatch } from '../../src/routing/match-model.ts'
import { shown, single } from './sketch.ts'
import type { CaseRequest, RoutingCase } from './sketch.ts'

/** A value, several of one name, or null: none. */
type Sent = string | readonly string[] | null

interface HeaderTable {
  readonly value: ValueMatch
  readonly takes: readonly Sent[]
  readonly leaves: readonly Sent[]
}

const tables: readonly HeaderTable[] = [
  {
    value: { kind: 'exact', value: 'canary' },
    takes: ['canary', ['x', 'canary'], ['canary', 'x'], ['canary', 'canary']],
    leaves: [null, '', 'Canary', 'canary2', 'xcanary', 'canary,x', 'x, canary', 'canar', ['x', 'y']],
  },
  { value: { kind: 'exact', value: '' }, takes: ['', ['x', '']], leaves: ['x', null] },
  { value: { kind: 'exact', value: 'a b' }, takes: ['a b'], leaves: ['a  b', 'a%20b', 'ab'] },
  { value: { kind: 'exact', value: 'café' }, takes: ['café'], leaves: ['cafe', 'cafÉ'] },
  {
    value: { kind: 'prefix', value: 'can' },
    takes: ['can', 'canary', ['x', 'canary'], 'can,x'],
    leaves: [null, '', 'xcan', 'Canary', 'ca', ['x', 'y']],
  },
  { value: { kind: 'prefix', value: 'é' }, takes: ['été', 'é'], leaves: ['e', 'xé'] },
  {
    value: { kind: 'suffix', value: 'ary' },
    takes: ['ary', 'canary', ['x', 'canary'], 'x,ary'],
    leaves: [null, '', 'canary!', 'canARY', 'ry', ['x', 'y']],
  },
  { value: { kind: 'suffix', value: 'é' }, takes: ['café'], leaves: ['cafe'] },
  {
    value: { kind: 'regex', value: 'can.*' },
    takes: ['can', 'canary', ['x', 'canary']],
    leaves: [null, '', 'xcanary', 'Canary'],
  },
  { value: { kind: 'regex', value: 'can' }, takes: ['can'], leaves: ['canary', 'xcan'] },
  { value: { kind: 'regex', value: 'a|bc' }, takes: ['a', 'bc'], leaves: ['abc', 'ac', 'a,bc'] },
  { value: { kind: 'regex', value: '(?i)canary' }, takes: ['CANARY', 'canary'], leaves: ['canaries'] },
  { value: { kind: 'regex', value: '.*' }, takes: ['x', '', 'a b'], leaves: [null] },
  { value: { kind: 'regex', value: '' }, takes: [''], leaves: ['x', null] },
  { value: { kind: 'regex', value: '\\d+' }, takes: ['42'], leaves: ['4x', ''] },
  {
    value: { kind: 'regex', value: '(.*;\\s*)?user=jason(;.*)?' },
    takes: ['user=jason', 'a=1; user=jason; b=2'],
    leaves: ['xuser=jason', 'user=jasonx'],
  },
  { value: { kind: 'regex', value: 'caf.' }, takes: ['café', 'cafe'], leaves: ['caf', 'cafés'] },
  { value: { kind: 'regex', value: 'caf[é]' }, takes: ['café'], leaves: ['cafe'] },
  { value: { kind: 'present' }, takes: ['x', '', ['a', 'b']], leaves: [null] },
]

const sentAs = (name: string, sent: Sent): CaseRequest['headers'] => {
  if (sent === null) return []
  return (typeof sent === 'string' ? [sent] : sent).map((value) => [name, value] as const)
}

const told = (sent: Sent): string => (sent === null ? 'none' : JSON.stringify(sent))

/** Each row also the other way round: an inverted match holds exactly when the plain one does not, none sent included. */
function valueCases({ value, takes, leaves }: HeaderTable): RoutingCase[] {
  const one = (sent: Sent, isTaken: boolean, invert: boolean): RoutingCase =>
    single(
      `header ${invert ? 'not ' : ''}${shown(value)} ${isTaken ? 'takes' : 'leaves'} ${told(sent)}`,
      { headers: [{ name: 'stage', value, invert }] },
      { headers: sentAs('stage', sent) },
      isTaken,
    )
  return [
    ...takes.flatMap((sent) => [one(sent, true, false), one(sent, false, true)]),
    ...leaves.flatMap((sent) => [one(sent, false, false), one(sent, true, true)]),
  ]
}

const exactly = (name: string, value: string, invert = false): HeaderMatch => ({
  name,
  value: { kind: 'exact', value },
  invert,
})
const isThere = (name: string, invert = false): HeaderMatch => ({ name, value: { kind: 'present' }, invert })

type Row = readonly [name: string, headers: readonly HeaderMatch[], sent: Partial<CaseRequest>, taken: boolean]

const rows: readonly Row[] = [
  ['a name sent in capitals', [exactly('stage', 'canary')], { headers: [['STAGE', 'canary']] }, true],
  [
    'a name sent in both cases',
    [exactly('stage', 'canary')],
    {
      headers: [
        ['Stage', 'x'],
        ['sTAGE', 'canary'],
      ],
    },
    true,
  ],
  [
    'a name with all that a name may have',
    [isThere("x!#$%&'*+-.^_`|~9")],
    { headers: [["X!#$%&'*+-.^_`|~9", '1']] },
    true,
  ],
  ['a longer name', [isThere('stage')], { headers: [['stages', 'x']] }, false],
  ['a shorter name', [isThere('stage')], { headers: [['stag', 'x']] }, false],
  ['a name that ends alike', [isThere('stage')], { headers: [['x-stage', 'x']] }, false],
  ['the value under another name', [exactly('stage', 'canary')], { headers: [['other', 'canary']] }, false],
  [
    'both of two',
    [isThere('a'), isThere('b')],
    {
      headers: [
        ['a', '1'],
        ['b', '2'],
      ],
    },
    true,
  ],
  [
    'both of two, in the other order',
    [isThere('a'), isThere('b')],
    {
      headers: [
        ['b', '2'],
        ['a', '1'],
      ],
    },
    true,
  ],
  ['the first of two only', [isThere('a'), isThere('b')], { headers: [['a', '1']] }, false],
  ['the second of two only', [isThere('a'), isThere('b')], { headers: [['b', '1']] }, false],
  ['one there and the other not', [isThere('a'), isThere('b', true)], { headers: [['a', '1']] }, true],
  [
    'one there and the other too',
    [isThere('a'), isThere('b', true)],
    {
      headers: [
        ['a', '1'],
        ['b', '1'],
      ],
    },
    false,
  ],
  [
    'two conditions on one field',
    [
      { name: 'a', value: { kind: 'prefix', value: 'can' }, invert: false },
      { name: 'a', value: { kind: 'suffix', value: 'ary' }, invert: false },
    ],
    { headers: [['a', 'canary']] },
    true,
  ],
  [
    'two conditions on one field, one of them met',
    [
      { name: 'a', value: { kind: 'prefix', value: 'can' }, invert: false },
      { name: 'a', value: { kind: 'suffix', value: 'ary' }, invert: false },
    ],
    { headers: [['a', 'candle']] },
    false,
  ],
  ['there, but not with that value', [isThere('a'), exactly('a', 'x', true)], { headers: [['a', 'y']] }, true],
  ['there, and with that value', [isThere('a'), exactly('a', 'x', true)], { headers: [['a', 'x']] }, false],
  ['what no request can be', [isThere('a'), isThere('a', true)], { headers: [['a', 'x']] }, false],
  ['the host as :authority', [exactly(':authority', 'echo.example.com')], { host: 'echo.example.com' }, true],
  ['another host as :authority', [exactly(':authority', 'echo.example.com')], { host: 'x.example.com' }, false],
  ['the port as a part of :authority', [exactly(':authority', 'echo:80')], { host: 'echo:80' }, true],
  ['the host without its port as :authority', [exactly(':authority', 'echo')], { host: 'echo:80' }, false],
  ['the host as host', [exactly('host', 'echo.example.com')], { host: 'echo.example.com' }, true],
  [
    'the host of an absolute target as host',
    [exactly('host', 'echo')],
    { host: 'other', target: 'http://echo/', seen: { host: 'echo', path: '/' } },
    true,
  ],
  [
    'the field beside an absolute target as host',
    [exactly('host', 'other')],
    { host: 'other', target: 'http://echo/', seen: { host: 'echo', path: '/' } },
    false,
  ],
  ['the method as :method', [exactly(':method', 'PUT')], { method: 'PUT' }, true],
  ['another method as :method', [exactly(':method', 'PUT')], { method: 'POST' }, false],
  ['the path as :path', [exactly(':path', '/x')], { target: '/x' }, true],
  ['the query as a part of :path', [exactly(':path', '/x?y=1')], { target: '/x?y=1' }, true],
  ['the path without its query as :path', [exactly(':path', '/x')], { target: '/x?y=1' }, false],
  [
    'a regex on :path',
    [{ name: ':path', value: { kind: 'regex', value: '.*[?&]debug=1.*' }, invert: false }],
    { target: '/x?a=2&debug=1' },
    true,
  ],
  ['the scheme as :scheme', [exactly(':scheme', 'http')], {}, true],
  ['another scheme as :scheme', [exactly(':scheme', 'https')], {}, false],
  ['not another scheme as :scheme', [exactly(':scheme', 'https', true)], {}, true],
  [
    'a user agent',
    [{ name: 'user-agent', value: { kind: 'regex', value: '.*Firefox.*' }, invert: false }],
    { headers: [['User-Agent', 'Mozilla/5.0 Firefox/99']] },
    true,
  ],
  [
    'a field that connection names',
    [exactly('x-lane', 'blue')],
    {
      headers: [
        ['Connection', 'x-lane'],
        ['X-Lane', 'blue'],
      ],
    },
    true,
  ],
  [
    'the 90th of 90 fields',
    [exactly('x-89', 'v')],
    { headers: Array.from({ length: 90 }, (_, index) => [`x-${index}`, 'v'] as const) },
    true,
  ],
  ['a value of 8000 characters', [exactly('a', 'v'.repeat(8_000))], { headers: [['a', 'v'.repeat(8_000)]] }, true],
  [
    'a value of 8000 characters and one more',
    [exactly('a', 'v'.repeat(8_000))],
    { headers: [['a', 'v'.repeat(8_001)]] },
    false,
  ],
]

type MethodRow = readonly [methods: readonly string[], method: string, taken: boolean]

const methods: readonly MethodRow[] = [
  [[], 'GET', true],
  [[], 'DELETE', true],
  [[], 'PROPFIND', true],
  [['GET'], 'GET', true],
  [['GET'], 'DELETE', false],
  [['GET'], 'HEAD', false],
  [['GET'], 'get', false],
  [['GET'], 'GETX', false],
  [['HEAD'], 'HEAD', true],
  [['GET', 'PUT'], 'PUT', true],
  [['GET', 'PUT'], 'GET', true],
  [['GET', 'PUT'], 'PATCH', false],
  [['POST', 'PUT', 'PATCH', 'DELETE'], 'DELETE', true],
  [['POST', 'PUT', 'PATCH', 'DELETE'], 'OPTIONS', false],
  [['OPTIONS'], 'OPTIONS', true],
  [['M-SEARCH'], 'M-SEARCH', true],
  [['X!Y'], 'X!Y', true],
]

export const headerCases: readonly RoutingCase[] = [
  ...tables.flatMap(valueCases),
  ...rows.map(([name, headers, sent, isTaken]) =>
    single(`header: ${name} ${isTaken ? 'is taken' : 'is left'}`, { headers }, sent, isTaken),
  ),
]

export const methodCases: readonly RoutingCase[] = methods.map(([wanted, method, isTaken]) =>
  single(
    `methods ${wanted.join(', ') || 'any'} ${isTaken ? 'takes' : 'leaves'} ${method}`,
    { methods: wanted },
    { method },
    isTaken,
  ),
)
