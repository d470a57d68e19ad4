/** `sluice release …` against a real server and the real release controller; the lab plays pods and proxies. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { controllerRevisions } from '../kinds/controller-revision.ts'
import { deployments } from '../kinds/deployment.ts'
import type { Release } from '../kinds/release.ts'
import { releases } from '../kinds/release.ts'
import { keyOf, objectKey } from '../kube/object.ts'
import { type CliRun, type CliSurroundings, runCli } from '../../test/support/cli.ts'
import {
  CANARY,
  GATED,
  JUDGED,
  RELEASE,
  deployment,
  release,
  routeTo,
  startReleaseLab,
} from '../../test/support/release-lab.ts'
import type { ReleaseLab } from '../../test/support/release-lab.ts'

let lab: ReleaseLab
let stop: AbortController
let controller: Promise<void>

beforeEach(async () => {
  lab = await startReleaseLab()
  stop = new AbortController()
  controller = lab.startController(lab.client, stop.signal)
  await lab.client.create(deployments, deployment('v3'))
  writeFileSync(join(lab.directory, 'kubeconfig'), kubeconfigOf(lab.connection))
})

afterEach(async () => {
  stop.abort()
  await controller
  await lab.close()
})

function kubeconfigOf({ server, ca, token }: ReleaseLab['connection']): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'lab', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace: 'echo' } }],
  })
}

function sluice(args: string, surroundings: CliSurroundings = {}): Promise<CliRun> {
  const env = { KUBECONFIG: join(lab.directory, 'kubeconfig') }
  return runCli(args.split(' '), { cwd: lab.directory, env, ...surroundings })
}

async function does(args: string): Promise<string> {
  const { code, stdout, stderr } = await sluice(args)
  assert.equal(code, 0, stderr)
  return stdout
}

async function refuses(args: string): Promise<string> {
  const { code, stderr } = await sluice(args)
  assert.equal(code, 1)
  return stderr
}

function waitsIn(name: string): (release: Release) => boolean {
  return ({ status }) => status?.currentStep?.name === name && status.currentStep.state === 'WaitingForApproval'
}

function hasEnded({ status, metadata }: Release): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === 'Succeeded' && is !== 'Unknown') === true &&
    (metadata.finalizers ?? []).length === 0
  )
}

test('pause holds a release, resume lets it go on, and each refuses what it cannot do', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  assert.match(
    await refuses('release resume echo-v3'),
    /it is not paused\. To go on: sluice release approve echo-v3 -n echo/,
  )
  assert.equal(await does('release pause echo-v3'), 'release.sluice.dev/echo-v3 paused\n')
  assert.match(await refuses('release pause echo-v3'), /it is paused already/)
  await does('release approve echo-v3')
  await lab.untilRelease(({ status }) => status?.message?.includes('the next one waits') ?? false)
  assert.equal(await does('rollout resume release/echo-v3'), 'release.sluice.dev/echo-v3 resumed\n')
  await lab.untilRelease(waitsIn('half'))
})

test('promote passes one step, with --full all of them; an ended release refuses with what to do instead', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  const asked = lab.untilRelease(({ metadata }) => metadata.annotations?.['sluice.dev/promote'] !== undefined)
  assert.match(await does('release promote echo-v3'), /promoted: step ten-percent without gates/)
  // It is for the revision that the person could see.
  const { metadata, status } = await asked
  assert.equal(metadata.annotations?.['sluice.dev/promote'], `ten-percent@${status?.canaryRevision}`)
  await lab.untilRelease(waitsIn('half'))
  await does('release pause echo-v3')
  assert.match(await does('release promote echo-v3 --full'), /promoted: step half and all later ones without gates/)
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'Succeeded')
  for (const verb of ['promote', 'pause', 'resume', 'retry', 'abort', 'approve']) {
    assert.match(
      await refuses(`release ${verb} echo-v3`),
      new RegExp(`Cannot ${verb} release "echo-v3": .*Succeeded|not paused`),
    )
  }
})

test('retry starts a release over that was taken back, why says so, and history tells each try', async () => {
  lab.logs = ['cannot reach the database']
  lab.answers = { requestsPerSecond: 100, failureRate: 0.5 }
  await lab.client.create(releases, release(JUDGED))
  await lab.untilRelease(hasEnded)
  const why = await does('release why echo-v3')
  assert.match(why, /To try again:/)
  assert.match(why, /sluice release retry echo-v3 -n echo/)
  assert.match(why, /cannot reach the database/)
  assert.match(
    await refuses('release undo echo-v3'),
    /it has not succeeded, its phase is RolledBack; all traffic is on stable already/,
  )
  lab.answers = { requestsPerSecond: 100, failureRate: 0 }
  assert.equal(await does('release retry echo-v3 --reason repaired'), 'release.sluice.dev/echo-v3 starts over\n')
  await lab.untilRelease(({ status }) => status?.phase === 'Succeeded')
  const [head = '', first = '', second = ''] = (await does('release history echo-v3')).split('\n')
  assert.match(head, /^ATTEMPT +REVISION +STARTED +ENDED +OUTCOME +WHY$/)
  assert.match(first, /^1 +[0-9a-f]{10} +\S+Z +\S+Z +RolledBack +Deployment echo\/echo-v3: .*failed/)
  assert.match(second, /^2 +[0-9a-f]{10} +\S+Z +\S+Z +Succeeded/)
})

test('undo takes a release back that has succeeded, and one under way is told to abort', async () => {
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  await lab.untilRelease(waitsIn('half'))
  assert.match(await refuses('release undo echo-v3'), /sluice release abort echo-v3 -n echo/)
  await does('release approve echo-v3')
  await lab.untilRelease(hasEnded)
  assert.match(await does('release undo echo-v3 -o yaml'), /name: echo-v3-undo/)
  assert.match(await does('release undo echo-v3'), /sluice release status echo-v3-undo -n echo --watch/)
  await lab.until(releases, objectKey('echo', 'echo-v3-undo'), (found) => found !== undefined && hasEnded(found))
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v2')])
  assert.equal((await lab.client.get(deployments, CANARY)).spec.replicas, 0)
  assert.match(await refuses('release undo echo-v3'), /release "echo-v3-undo" exists already/)
})

test('list tells every release', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.until(releases, RELEASE, (found) => found?.status?.phase !== undefined)
  assert.match(await does('release list'), /^NAME +PHASE[^\n]*\necho-v3 /)
})

test('status --watch redraws a picture in place on a terminal, and leaves the last one there', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  const drawn = Promise.withResolvers<void>()
  let seen = ''
  const watching = sluice('release status echo-v3 --watch', {
    env: { NO_COLOR: '1', KUBECONFIG: join(lab.directory, 'kubeconfig') },
    terminal: { columns: 80, rows: 24 },
    onOutput(text) {
      seen += text
      if (seen.includes('canary echo-v3  1/1')) drawn.resolve()
    },
  })
  await drawn.promise
  await does('release promote echo-v3 --full')
  const { code, stdout } = await watching
  assert.equal(code, 0)
  assert.ok(stdout.startsWith('\u001b[?1049h'))
  assert.match(stdout, /stable echo-v2 {2}1\/1 {6}90 % █+░/)
  const kept = stdout.slice(stdout.lastIndexOf('\u001b[?1049l'))
  assert.match(kept, /Release echo\/echo-v3 +Succeeded\n/)
  assert.match(kept, /✓ 1 ten-percent {2}10 % {2}passed: promoted by a person/)
})

test('status --watch prints plain lines where there is no terminal, and 1 for a release that was taken back', async () => {
  lab.answers = { requestsPerSecond: 100, failureRate: 0.5 }
  await lab.client.create(releases, release(JUDGED))
  const { code, stdout } = await sluice('release status echo-v3 --watch')
  assert.equal(code, 1)
  assert.ok(!stdout.includes('\u001b'))
  assert.match(stdout, /^echo-v3 {2}RolledBack .*Rolled back: Deployment echo\/echo-v3: /m)
})

test('a release whose state is gone refuses what cannot act, says so in why, and is aborted and tried again', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  stop.abort()
  await controller
  const { items } = await lab.client.list(controllerRevisions, {
    namespace: 'echo',
    labelSelector: 'sluice.dev/release-state',
  })
  for (const item of items) await lab.client.delete(controllerRevisions, keyOf(item))
  stop = new AbortController()
  controller = lab.startController(lab.client, stop.signal)
  await lab.untilRelease(({ status }) => status?.message?.includes('its state is gone') === true)
  for (const verb of ['approve', 'promote', 'retry']) {
    assert.match(
      await refuses(`release ${verb} echo-v3`),
      /: its state is gone: .*"sluice release abort echo-v3 -n echo"/,
    )
  }
  const why = await does('release why echo-v3')
  assert.match(why, /go back: +sluice release abort echo-v3 -n echo/)
  assert.doesNotMatch(why, /go on:/)
  await does('release abort echo-v3')
  await lab.untilRelease(hasEnded)
  await does('release retry echo-v3')
  await lab.untilRelease(waitsIn('ten-percent'))
})
