/** Every expectation here was compared with what kubectl 1.33 prints for the same template and objects. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileJsonPath, resultsJson, resultsText } from './jsonpath.ts'

const list = {
  kind: 'List',
  apiVersion: 'v1',
  items: [
    {
      kind: 'Deployment',
      metadata: { name: 'api', labels: { app: 'api' } },
      spec: { replicas: 1, containers: [{ name: 'one', image: 'pause:3' }] },
      status: { conditions: [{ type: 'Available', status: 'True' }] },
    },
    {
      kind: 'Deployment',
      metadata: {
        name: 'web',
        labels: { tier: 'x y', app: 'web' },
        annotations: { 'a.io/key': 'v', note: 'a<b & "c"' },
      },
      spec: { replicas: 2, paused: false, containers: [{ name: 'one', image: 'pause' }] },
      status: {
        conditions: [
          { type: 'Available', status: 'True' },
          { type: 'Progressing', status: 'False' },
        ],
      },
    },
  ],
}

function print(template: string): string {
  return resultsText(compileJsonPath(template)(list))
}

const PRINTED: readonly (readonly [template: string, text: string])[] = [
  ['{.items[*].metadata.name}', 'api web'],
  ['names: {.items[*].metadata.name}{"\\n"}', 'names: api web\n'],
  ['{$.kind}{@.kind}{ .kind }', 'ListListList'],
  ['{.items[0].metadata.name}', 'api'],
  ['{.items[-1].metadata.name}', 'web'],
  ['{.items[-1:].metadata.name}', 'web'],
  ['{.items[0:2].metadata.name}', 'api web'],
  ['{.items[::2].metadata.name}', 'api'],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.spec.replicas}{"\\n"}{end}', 'api\t1\nweb\t2\n'],
  [
    '{range .items[*]}{.metadata.name}:{range .status.conditions[*]} {.type}={.status}{end}{"\\n"}{end}',
    'api: Available=True\nweb: Available=True Progressing=False\n',
  ],
  ['{range .items[*]}{.metadata.name}{end}{.kind}', 'apiwebList'],
  ['{range .items[*]}{.metadata.name}', 'apiweb'],
  ['{range .none[*]}x{end}after', 'after'],
  ['{.items[?(@.metadata.name=="web")].spec.replicas}', '2'],
  ["{.items[?(@.metadata.name == 'web')].spec.replicas}", '2'],
  ['{.items[?(@.spec.replicas>1)].metadata.name}', 'web'],
  ['{.items[?(@.spec.replicas>=1)].metadata.name}', 'api web'],
  ['{.items[?(@.spec.replicas!=1)].metadata.name}', 'web'],
  ['{.items[?(@.metadata.labels.tier)].metadata.name}', 'web'],
  ['{.items[?(@.metadata.labels.nope)].metadata.name}', ''],
  ['{.items[*].status.conditions[?(@.type=="Available")].status}', 'True True'],
  ['{.items[1].metadata.annotations.a\\.io/key}', 'v'],
  ["{.items[1].metadata.annotations['a\\.io/key']}", 'v'],
  ['{.items[1].metadata.annotations}', '{"a.io/key":"v","note":"a\\u003cb \\u0026 \\"c\\""}'],
  ["{.items[0]['kind','metadata']}", 'Deployment {"labels":{"app":"api"},"name":"api"}'],
  ['{.items[1].metadata.labels.*}', 'web x y'],
  ['{..image}', 'pause:3 pause'],
  ['{.items[?(@.metadata.labels.app=="web")]..image}', 'pause'],
  ['{.items[*].spec.paused}', 'false'],
  ['{.nope}', ''],
  ['{.kind.x}', ''],
  ["{'single\\'s'}{\"a\\x41\\u00e9\"}", "single'saAé"],
  ['{true}{1}{1.5}', 'true11.5'],
  ['plain', 'plain'],
]

test('a template prints what kubectl prints', () => {
  for (const [template, text] of PRINTED) assert.equal(print(template), text, template)
})

const REFUSED: readonly (readonly [template: string, message: string])[] = [
  ['{.items[', 'unterminated array'],
  ['{.items[a]}', 'invalid array index a'],
  ['{.items[?(@.a=="x"}', 'unterminated filter'],
  ['{.items[?(@.a=="x")}', 'unclosed array expect ]'],
  ['{range .items[*]', 'unclosed action'],
  ['{"abc}', 'unterminated quoted string'],
  ['{"bad\\q"}', 'unquote string "bad\\q" error invalid syntax'],
  ['{....name}', 'invalid multiple recursive descent'],
  ['{?}', "unrecognized character in action: U+003F '?'"],
]

const FAILED: readonly (readonly [template: string, message: string])[] = [
  ['{.items[5].metadata.name}', 'array index out of bounds: index 5, length 2'],
  ['{.items[0:5].metadata.name}', 'array index out of bounds: index 4, length 2'],
  ['{.items[-5].kind}', 'array index out of bounds: index -3, length 2'],
  ['{.items[1:0].metadata.name}', 'starting index 1 is greater than ending index 0'],
  ['{.items[0:2:0].metadata.name}', 'step must be > 0'],
  ['{.items[0].spec.replicas[0]}', 'int64 is not array or slice'],
  ['{.items[0].metadata[0]}', 'map[string]interface {} is not array or slice'],
  ['{.items[?(@.spec.replicas=="1")].metadata.name}', 'incompatible types for comparison'],
  ['{.items[*].metadata.name}{end}', 'not in range, nothing to end'],
  ['{foo}', 'unrecognized identifier foo'],
]

describe('what is wrong is told in kubectl’s words', () => {
  test('of a template that cannot be read', () => {
    for (const [template, message] of REFUSED) {
      assert.throws(() => compileJsonPath(template), { name: 'JsonPathError', message }, template)
    }
  })

  test('of a template that does not fit the object', () => {
    for (const [template, message] of FAILED) {
      const find = compileJsonPath(template)
      assert.throws(() => find(list), { name: 'JsonPathError', message }, template)
    }
  })
})

test('as JSON, each action is a list', () => {
  assert.equal(resultsJson(compileJsonPath('{.items[*].metadata.name}')(list)), '[\n    "api",\n    "web"\n]\n')
})
