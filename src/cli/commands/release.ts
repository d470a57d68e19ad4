import type { Command } from 'commander'
import { examples, type Host, OBJECT_FORMATS, outputOption, parseDurationMs, runs } from '../command.ts'
import type { ReleaseGetOptions, ReleaseStatusOptions, ReleaseApproveOptions, ReleaseAbortOptions } from '../options.ts'
import { addReleaseSteering } from './release-steer.ts'

export function addRelease(program: Command, host: Host): void {
  const release = program
    .command('release')
    .alias('rollout')
    .summary('follow and steer releases')
    .description('Follows and steers releases: where they are, what they wait for, go on, or back.')
  addReleaseGet(release, host)
  addReleaseStatus(release, host)
  addReleaseApprove(release, host)
  addReleaseAbort(release, host)
  addReleaseWhy(release, host)
  addReleaseSteering(release, host)
}

function addReleaseGet(release: Command, host: Host): void {
  const command = release
    .command('get')
    .alias('list')
    .description('Lists releases, or prints single ones.')
    .argument('[name...]', 'names of releases')
    .option('-A, --all-namespaces', 'in every namespace')
    .addOption(outputOption(OBJECT_FORMATS))
  runs<ReleaseGetOptions>(command, host, async () => (await import('../actions/release.ts')).getReleases)
  examples(command, [['sluice release get -A', 'Every release']])
}

function addReleaseStatus(release: Command, host: Host): void {
  const command = release
    .command('status')
    .description('Tells where a release is. With --watch follows it to its end: 0 if it succeeded, 1 if not.')
    .argument('<name>', 'name of the release')
    .option('-w, --watch', 'print every change until the release has ended')
    .option('--timeout <duration>', 'with --watch: give up after this time', parseDurationMs)
    .addOption(outputOption(['json']))
  runs<ReleaseStatusOptions>(command, host, async () => (await import('../actions/release.ts')).releaseStatus)
  examples(command, [['sluice release status echo-v3 -n echo --watch', 'Follow a release to its end']])
}

function addReleaseApprove(release: Command, host: Host): void {
  const command = release
    .command('approve')
    .description('Lets the step that waits for a person go on.')
    .argument('<name>', 'name of the release')
    .option('--step <name>', 'approve this step (default: the current one)')
  runs<ReleaseApproveOptions>(command, host, async () => (await import('../actions/release.ts')).approveRelease)
  examples(command, [['sluice release approve echo-v3 -n echo', 'Approve the current step']])
}

function addReleaseAbort(release: Command, host: Host): void {
  const command = release
    .command('abort')
    .description('Takes a release back: all traffic returns to stable.')
    .argument('<name>', 'name of the release')
    .option('--reason <text>', 'why, for those who ask later')
  runs<ReleaseAbortOptions>(command, host, async () => (await import('../actions/release.ts')).abortRelease)
  examples(command, [['sluice release abort echo-v3 -n echo --reason "orders look odd"', 'Back to stable']])
}

function addReleaseWhy(release: Command, host: Host): void {
  const command = release
    .command('why')
    .description('Explains a release: what it waits for and since when, what was measured, and what was decided.')
    .argument('<name>', 'name of the release')
  runs<object>(command, host, async () => (await import('../actions/release.ts')).explainRelease)
  examples(command, [['sluice release why echo-v3 -n echo', 'Why does it stand where it stands?']])
}
