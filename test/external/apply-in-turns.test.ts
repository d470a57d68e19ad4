/** `kubectl apply` and `sluice apply` take turns on the same objects without noticing each other. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { startTestApi } from '../support/api-server.ts'
import { runCli } from '../support/cli.ts'
import { run } from '../support/sluice.ts'

const SETUP = resolve(import.meta.dirname, '../../examples/stories/gloo-two-phase/1-setup')
const HAS_KUBECTL = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0

const LINES = [
  'namespace/echo',
  'deployment.apps/echo-v1',
  'service/echo',
  'upstream.gloo.solo.io/echo',
  'virtualservice.gateway.solo.io/echo',
]

function says(what: string): string {
  return LINES.map((name) => `${name} ${what}\n`).join('')
}

test('what one applied is unchanged for the other', { skip: !HAS_KUBECTL }, async (t) => {
  const api = await startTestApi()
  t.after(() => api.stop())
  const kubectl = async (...args: string[]): Promise<string> => {
    const cache = resolve(api.directory, 'kube-cache')
    const { stdout, stderr } = await run(['kubectl', '--kubeconfig', api.kubeconfig, '--cache-dir', cache, ...args])
    return stdout + stderr
  }
  const sluice = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await runCli(args, { cwd: api.directory })
    return stdout + stderr
  }
  assert.equal(await sluice('apply', '-f', SETUP), says('created'))
  assert.equal(await kubectl('apply', '-f', SETUP), says('unchanged'))
  const deleted = await kubectl('delete', 'deployment', 'echo-v1', '-n', 'echo')
  assert.equal(deleted, 'deployment.apps "echo-v1" deleted\n')
  assert.match(await kubectl('apply', '-f', SETUP), /^deployment\.apps\/echo-v1 created$/m)
  assert.equal(await sluice('apply', '-f', SETUP), says('unchanged'))
})

test('both delete what is gone from the file and keep what others wrote', { skip: !HAS_KUBECTL }, async (t) => {
  const api = await startTestApi()
  t.after(() => api.stop())
  const kubectl = ['kubectl', '--kubeconfig', api.kubeconfig, '--cache-dir', resolve(api.directory, 'kube-cache')]
  const deployment = readFileSync(resolve(SETUP, 'echo.yaml'), 'utf8')
  const withPort = deployment.replace(
    '- containerPort: 8080',
    '- containerPort: 8080\n            - containerPort: 9090',
  )
  assert.notEqual(withPort, deployment)
  await runCli(['apply', '-f', '-'], { cwd: api.directory, stdin: withPort })
  await run([...kubectl, 'scale', 'deploy/echo-v1', '-n', 'echo', '--replicas=1'])
  await run([...kubectl, 'label', 'deploy/echo-v1', '-n', 'echo', 'team=blue'])
  const { stdout } = await run([...kubectl, 'apply', '-f', '-'], { input: deployment })
  assert.match(stdout, /deployment\.apps\/echo-v1 configured/)
  const { stdout: json } = await runCli(['get', 'deploy/echo-v1', '-n', 'echo', '-o', 'json'], { cwd: api.directory })
  const live = JSON.parse(json) as {
    metadata: { labels: unknown }
    spec: { template: { spec: { containers: { ports: { containerPort: number }[] }[] } } }
  }
  assert.deepEqual(
    live.spec.template.spec.containers[0]?.ports.map(({ containerPort }) => containerPort),
    [8080],
  )
  assert.deepEqual(live.metadata.labels, { team: 'blue' })
  const again = await runCli(['apply', '-f', '-'], { cwd: api.directory, stdin: deployment })
  assert.match(again.stdout, /deployment\.apps\/echo-v1 unchanged/)
})
