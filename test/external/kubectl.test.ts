/**
 * The story with every real kubectl that is found: the one on PATH and the `kubectl.1.NN` beside it. With CI=true
 * none at all is a failure.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'node:test'
import { lines } from '../support/sluice-teller.ts'
import { run, startSluice } from '../support/sluice.ts'
import type { RunningSluice } from '../support/sluice.ts'
import { playStory } from '../support/story.ts'
import type { Teller } from '../support/story.ts'

const KUBECTLS = findKubectls()

test('there is a kubectl to test with', { skip: KUBECTLS.length === 0 && process.env['CI'] !== 'true' }, () => {
  assert.notEqual(KUBECTLS.length, 0, 'no kubectl on PATH: install kubectl or the Debian package kubernetes-client')
})

for (const kubectl of KUBECTLS) {
  test(`the story holds when told with ${kubectl.split('/').at(-1)}`, async (t) => {
    const sluice = await startSluice(t)
    await playStory({ ...kubectlTeller(kubectl, sluice), alone: true })
    await everydayCommands(kubectl, sluice)
    await oldVersions(kubectl, sluice)
  })
}

/** What people type besides `apply`. */
async function everydayCommands(kubectl: string, sluice: RunningSluice): Promise<void> {
  const command = async (...args: string[]): Promise<string> =>
    lines(await run([kubectl, '--kubeconfig', sluice.ready.kubeconfig, ...args])).join('\n')
  assert.match(await command('get', 'all', '-n', 'echo'), /deployment\.apps\/echo-v2\s+1\/1/)
  assert.match(await command('get', 'vs', '-A'), /gloo-system\s+echo/)
  const image = '--image=hashicorp/http-echo'
  const program = ['/http-echo', '-text=made']
  assert.match(await command('create', 'deployment', 'made', '-n', 'echo', image, '--', ...program), /created/)
  assert.match(await command('scale', 'deployment/made', '--replicas=2', '-n', 'echo'), /scaled/)
  assert.match(await command('rollout', 'status', 'deployment/made', '-n', 'echo', '--timeout=60s'), /successfully/)
  assert.match(await command('label', 'deployment/made', 'tier=test', '-n', 'echo'), /labeled/)
  assert.match(await command('describe', 'deployment', 'made', '-n', 'echo'), /ScalingReplicaSet/)
  assert.match(await command('logs', 'deployment/echo-v2', '-n', 'echo'), /listening|GET/i)
  assert.match(await command('delete', 'deployment', 'made', '-n', 'echo'), /deleted/)
  assert.match(await command('explain', 'deployment.spec.replicas'), /replicas/)
  const badPatch = ['patch', 'deployment', 'echo-v2', '-n', 'echo', '-p', '{"spec":{"replicas":-1}}']
  const refused = await run([kubectl, '--kubeconfig', sluice.ready.kubeconfig, ...badPatch])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /spec\.replicas: Invalid value/)
}

const OLD_DEPLOYMENT = `
apiVersion: extensions/v1beta1
kind: Deployment
metadata: { name: old, namespace: echo }
spec:
  template:
    metadata: { labels: { app: old } }
    spec: { containers: [{ name: web, image: hashicorp/http-echo, args: [-text=one] }] }
`

/** A Deployment as it was written ten years ago, and the same object in apps/v1. */
async function oldVersions(kubectl: string, sluice: RunningSluice): Promise<void> {
  const command = async (...args: string[]): Promise<string> =>
    lines(await run([kubectl, '--kubeconfig', sluice.ready.kubeconfig, '-n', 'echo', ...args])).join('\n')
  const file = join(sluice.dataDir, 'old.yaml')
  writeFileSync(file, OLD_DEPLOYMENT)
  assert.match(await command('apply', '-f', file), /deployment\.extensions\/old created/)
  const old = 'deployments.v1beta1.extensions/old'
  assert.match(await command('rollout', 'status', old, '--timeout=60s'), /successfully/)
  const patch = '{"spec":{"template":{"spec":{"containers":[{"name":"web","args":["-text=two"]}]}}}}'
  assert.match(await command('patch', old, '-p', patch), /patched/)
  assert.match(await command('scale', old, '--replicas=2'), /scaled/)
  assert.match(await command('rollout', 'status', 'deployment/old', '--timeout=60s'), /successfully/)
  assert.match(await command('get', 'deployments.v1.apps', 'old'), /old\s+2\/2/)
  assert.equal(await command('get', old, '-o', 'jsonpath={.apiVersion}'), 'extensions/v1beta1')
  assert.match(await command('explain', 'deployment.spec.rollbackTo', '--api-version=extensions/v1beta1'), /revision/)
  assert.match(await command('delete', old), /deployment\.extensions "old" deleted/)
  assert.doesNotMatch(await command('get', 'deployments'), /old/)
}

function kubectlTeller(kubectl: string, sluice: RunningSluice): Omit<Teller, 'alone'> {
  const command = (...args: string[]): readonly string[] => [kubectl, '--kubeconfig', sluice.ready.kubeconfig, ...args]
  const must = async (...args: string[]): Promise<readonly string[]> => lines(await run(command(...args)))
  return {
    gateway: sluice.ready.gateway,
    apply: (file) => must('apply', '-f', file),
    untilProgrammed: async () => {
      await must('wait', '--for=condition=Programmed', 'vs/echo', '-n', 'gloo-system', '--timeout=60s')
    },
    untilAvailable: async (name) => {
      await must('rollout', 'status', `deployment/${name}`, '-n', 'echo', '--timeout=60s')
    },
    deleteDeployment: async (name) => {
      await must('delete', 'deploy', '-n', 'echo', name)
    },
  }
}

function findKubectls(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const first = folders.map((folder) => join(folder, 'kubectl')).find((file) => existsSync(file))
  if (first === undefined) return []
  const beside = dirname(realpathSync(first))
  const versions = readdirSync(beside).filter((name) => /^kubectl\.1\.\d+$/.test(name))
  return versions.length === 0 ? [first] : versions.toSorted().map((name) => join(beside, name))
}
