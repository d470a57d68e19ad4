/** What a person reads when a command fails. */
import { codeOf, messageOf } from '../../base/errors.ts'
import { ApiError } from '../../kube/api-error.ts'

/** One message, without a line feed at the end; says what to do where nothing answers. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) return `Error from server (${error.code}): ${error.message}`
  if (error instanceof Error && error.name === 'UnreachableError') {
    return `sluice: ${messageOf(error).replace(/ Is it running.*$/, '')} ${cureFor(codeOf(error))}`
  }
  return `sluice: ${messageOf(error)}`
}

function cureFor(code: string | undefined): string {
  return CURES[code ?? ''] ?? 'Check the kubeconfig, or start a Sluice of your own with "sluice up".'
}

const START_IT =
  'Nothing answers there: start it with "sluice up", or name another API with --kubeconfig or --data-dir.'
const CURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: START_IT,
  ECONNRESET: START_IT,
  ENOTFOUND: 'Check the server’s name in the kubeconfig.',
  EAI_AGAIN: 'Check the server’s name in the kubeconfig.',
}
