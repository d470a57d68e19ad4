/** The verbs that hold a release, push it on, try it again or undo it. */
import type { Command } from 'commander'
import type * as steering from '../actions/release-steer.ts'
import { examples, type Host, outputOption, runs } from '../command.ts'
import type { ReleasePromoteOptions, ReleaseRetryOptions, ReleaseUndoOptions } from '../options.ts'

type Steering = typeof steering

export function addReleaseSteering(release: Command, host: Host): void {
  const promote = verb(
    release,
    'promote',
    'Passes the current step without its gates; with --full this and all later ones. Each is still live before the next.',
  ).option('--full', 'pass all later steps as well')
  runs<ReleasePromoteOptions>(promote, host, action('promoteRelease'))
  examples(promote, [
    ['sluice release promote echo-v3 -n echo', 'On to the next step, whatever the gates say'],
    ['sluice release promote echo-v3 -n echo --full', 'All traffic to the canary now'],
  ])

  const pause = verb(release, 'pause', 'Holds a release where it is. What fails is still taken back.')
  runs<object>(pause, host, action('pauseRelease'))
  examples(pause, [['sluice release pause echo-v3 -n echo', 'Not further for now']])

  const resume = verb(release, 'resume', 'Lets a paused release go on.')
  runs<object>(resume, host, action('resumeRelease'))
  examples(resume, [['sluice release resume echo-v3 -n echo', 'Go on']])

  const retry = verb(release, 'retry', 'Starts a release over that was taken back, with the canary as it is now.')
  retry.option('--reason <text>', 'why, for those who ask later')
  runs<ReleaseRetryOptions>(retry, host, action('retryRelease'))
  examples(retry, [['sluice release retry echo-v3 -n echo', 'The same version once more']])

  const undo = verb(release, 'undo', 'Takes a release back that has succeeded, by a release with its sides exchanged.')
  undo.addOption(outputOption(['yaml'], 'print that release instead of creating it'))
  runs<ReleaseUndoOptions>(undo, host, action('undoReleased'))
  examples(undo, [
    ['sluice release undo echo-v3 -n echo', 'Back to the version before'],
    ['sluice release undo echo-v3 -n echo -o yaml | kubectl apply -f -', 'The same with kubectl'],
  ])

  const history = verb(
    release,
    'history',
    'Lists the tries of a release: which revision, when, how each ended and why.',
  )
  runs<object>(history, host, action('releaseHistory'))
  examples(history, [['sluice release history echo-v3 -n echo', 'What was tried so far']])
}

function verb(release: Command, name: string, description: string): Command {
  return release.command(name).description(description).argument('<name>', 'name of the release')
}

function action<K extends keyof Steering>(name: K): () => Promise<Steering[K]> {
  return async () => (await import('../actions/release-steer.ts'))[name]
}
