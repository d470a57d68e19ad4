import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTarget } from './request-target.ts'

test('a path of the API names a group, a resource, a namespace, an object and a subresource', () => {
  const core = { group: '', version: 'v1', watch: false }
  const apps = { group: 'apps', version: 'v1', watch: false }
  const cases: [path: string, expected: unknown][] = [
    ['/api/v1/pods', { ...core, plural: 'pods' }],
    ['/api/v1/namespaces', { ...core, plural: 'namespaces' }],
    ['/api/v1/namespaces/a', { ...core, plural: 'namespaces', name: 'a' }],
    ['/api/v1/namespaces/a/finalize', { ...core, plural: 'namespaces', name: 'a', subresource: 'finalize' }],
    ['/api/v1/namespaces/a/pods', { ...core, namespace: 'a', plural: 'pods' }],
    ['/api/v1/namespaces/a/pods/p/log', { ...core, namespace: 'a', plural: 'pods', name: 'p', subresource: 'log' }],
    [
      '/api/v1/namespaces/a/pods/p/proxy/x/y',
      { ...core, namespace: 'a', plural: 'pods', name: 'p', subresource: 'proxy/x/y' },
    ],
    ['/apis/apps/v1/deployments/', { ...apps, plural: 'deployments' }],
    ['/apis/apps/v1/namespaces/a/status', { ...apps, namespace: 'a', plural: 'status' }],
    ['/apis/apps/v1/watch/deployments', { ...apps, plural: 'deployments', watch: true }],
    ['/api/v1/namespaces/a%2Fb', { ...core, plural: 'namespaces', name: 'a/b' }],
    ['/api/v1', undefined],
    ['/apis/apps/v1', undefined],
    ['/api/v1/%zz', undefined],
    ['/healthz', undefined],
  ]
  for (const [path, expected] of cases) assert.deepEqual(parseTarget(path), expected, path)
})
