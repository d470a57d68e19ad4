import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../kinds/pod.ts'
import type { ImageCommand } from '../images.ts'
import { ConfigError, commandLine } from './env.ts'
import type { CommandLine } from './env.ts'
import type { Container } from './types.ts'

const IMAGE: ImageCommand = {
  image: 'docker.io/team/app:latest',
  entrypoint: ['/opt/app'],
  args: ['--port', '$(PORT)'],
  env: { LEVEL: 'info' },
  workingDir: '/opt',
  programs: { '/app': ['/opt/app', '--as-in-the-image'] },
}

function lineOf(container: Partial<Container>, image: Partial<ImageCommand> = {}): CommandLine {
  const full: Container = { name: 'main', image: 'team/app', ports: [{ containerPort: 80 }], ...container }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'u', labels: { app: 'web' } },
    spec: { containers: [full] },
  }
  return commandLine({
    pod,
    container: full,
    image: { ...IMAGE, ...image },
    sources: { configMaps: new Map([['settings', { color: 'blue' }]]), secrets: new Map() },
    ip: '127.20.0.1',
    hostIp: '127.0.0.1',
    nodeName: 'sluice',
    base: { PATH: '/bin' },
  })
}

test('command and args replace what the image has, as Kubernetes says', () => {
  assert.deepEqual(lineOf({}).command, ['/opt/app', '--port', '80'])
  assert.deepEqual(lineOf({ args: ['--x'] }).command, ['/opt/app', '--x'])
  assert.deepEqual(lineOf({ command: ['other'] }).command, ['other'])
  assert.deepEqual(lineOf({ command: ['other'], args: ['$(POD_IP)'] }).command, ['other', '127.20.0.1'])
})

test('a program that lies inside the real image is found by its path there', () => {
  assert.deepEqual(lineOf({ command: ['/app'], args: ['--x'] }).command, ['/opt/app', '--as-in-the-image', '--x'])
  assert.deepEqual(lineOf({ args: ['/app'] }, { entrypoint: [] }).command, ['/opt/app', '--as-in-the-image'])
})

test('without any command the container cannot be made', () => {
  assert.throws(() => lineOf({}, { entrypoint: [], args: [] }), ConfigError)
})

test('a variable sees those before it, and wins over the image and over the pod’s own', () => {
  const env = [
    { name: 'A', value: '$(B)-$(LEVEL)' },
    { name: 'B', value: 'b' },
    { name: 'C', value: '$(A)$(B)' },
    { name: 'LEVEL', value: 'debug' },
    { name: 'HOST', value: '0.0.0.0' },
  ]
  const line = lineOf({ env, envFrom: [{ prefix: 'S_', configMapRef: { name: 'settings' } }] })
  const { A, B, C, LEVEL, HOST, S_color, POD_IP, PORT, PATH } = line.env
  assert.deepEqual([A, B, C, LEVEL, HOST], ['$(B)-info', 'b', '$(B)-infob', 'debug', '0.0.0.0'])
  assert.deepEqual([S_color, POD_IP, PORT, PATH], ['blue', '127.20.0.1', '80', '/bin'])
})

test('fields of the pod are told', () => {
  const field = (fieldPath: string): string | undefined =>
    lineOf({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] }).env['X']
  assert.equal(field('metadata.name'), 'web-1')
  assert.equal(field("metadata.labels['app']"), 'web')
  assert.equal(field("metadata.annotations['none']"), '')
  assert.equal(field('status.hostIP'), '127.0.0.1')
  assert.throws(() => field('spec.nonsense'), /unknown field path "spec.nonsense"/)
})

test('what a variable refers to must exist, unless it is optional', () => {
  const from = (key: string, optional?: boolean) => {
    const reference = { name: 'settings', key, ...(optional === undefined ? {} : { optional }) }
    return lineOf({ env: [{ name: 'X', valueFrom: { configMapKeyRef: reference } }] }).env['X']
  }
  assert.equal(from('color'), 'blue')
  assert.equal(from('shape', true), undefined)
  assert.throws(() => from('shape'), /couldn't find key shape in ConfigMap shop\/settings/)
  const resourceFieldRef = { resource: 'limits.cpu' }
  assert.throws(
    () => lineOf({ env: [{ name: 'X', valueFrom: { resourceFieldRef } }] }),
    /resourceFieldRef is not supported/,
  )
})
