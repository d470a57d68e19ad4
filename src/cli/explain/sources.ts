/** Who can explain a decision: the API of `sluice up`, the admin port of a lone data plane, or a file. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '../../base/errors.ts'
import { fileProblem } from '../../base/file-problem.ts'
import { isReason } from '../../kube/api-error.ts'
import { DEBUG_HEADER } from '../../routing/edge-headers.ts'
import { explain } from '../../routing/explain.ts'
import { questionToQuery } from '../../routing/explain-question.ts'
import type { Explanation, Question } from '../../routing/explanation.ts'
import { formatFinding, readRoutingFile } from '../../routing/file.ts'
import { connect } from '../api/connect.ts'
import { type GlobalOptions, UsageError } from '../command.ts'
import type { CliDeps } from '../deps.ts'

const ADMIN_TIMEOUT_MS = 10_000
/** The variable with the token of a data plane that runs alone. */
const TOKEN_VARIABLE = 'SLUICE_DEBUG_TOKEN'

export interface ExplainSource extends AsyncDisposable {
  explain(question: Question): Promise<Explanation>
  /** What a request must carry for the proxy to tell what it did. */
  credential(): Promise<Credential>
}

export interface Credential {
  readonly header: string
  readonly token: string
}

export async function apiSource(options: GlobalOptions, deps: CliDeps): Promise<ExplainSource> {
  const session = await connect(options, deps)
  const get = async (path: string): Promise<unknown> => {
    try {
      return await session.client.json(path, { signal: deps.signal })
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw isReason(error, 'BadRequest') ? new Error(error.message) : error
      const why = 'it is another Kubernetes, or an older Sluice'
      throw new Error(
        `Cannot ask "${session.client.server}" to explain: ${why}. Ask a file with -f, or an admin port.`,
        { cause: error },
      )
    }
  }
  return {
    // The server is of our release, or says no.
    explain: async (question) =>
      (await get(`/sluice.dev/explain?${questionToQuery(question).toString()}`)) as Explanation,
    credential: async () => (await get('/sluice.dev/debug-token')) as Credential,
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}

export function adminSource(admin: string, { env, signal, clock }: CliDeps): Promise<ExplainSource> {
  const base = URL.parse(admin.includes('://') ? admin : `http://${admin}`)
  if (base === null || base.protocol !== 'http:') {
    throw new UsageError(`Cannot ask the admin port "${admin}": write it as http://127.0.0.1:15000`)
  }
  return Promise.resolve({
    explain: (question) =>
      askAdmin(new URL(`/explain?${questionToQuery(question).toString()}`, base), { signal, clock }),
    credential: () => {
      const token = env[TOKEN_VARIABLE] ?? ''
      if (token !== '') return Promise.resolve({ header: DEBUG_HEADER, token })
      const cure = `Put its SHA-256 into "debugTokenHash" of the listener, and the token into $${TOKEN_VARIABLE}.`
      throw new UsageError(
        `Cannot send a live request: the proxy tells its decision only to who has the token. ${cure}`,
      )
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}

async function askAdmin(url: URL, { signal, clock }: Pick<CliDeps, 'signal' | 'clock'>): Promise<Explanation> {
  const late = new AbortController()
  const timer = clock.after(ADMIN_TIMEOUT_MS, () => late.abort(new Error('it does not answer')))
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, late.signal]) }).catch((error: unknown) => {
      const { cause } = error as { readonly cause?: unknown }
      const why = messageOf(cause === undefined ? error : cause)
      throw new Error(`Cannot ask the admin port "${url.origin}": ${why}; is "sluice proxy -f" running there?`)
    })
    const text = await response.text()
    if (response.status === 400) throw new Error(text.trim())
    if (!response.ok) {
      throw new Error(
        `Cannot ask the admin port "${url.origin}": it answers ${response.status}; is it one of this release?`,
      )
    }
    return JSON.parse(text) as Explanation
  } finally {
    timer.cancel()
  }
}

export async function fileSource(filename: string, { cwd, stderr }: CliDeps): Promise<ExplainSource> {
  const text = await readFile(resolve(cwd, filename), 'utf8').catch((error: unknown) => {
    throw new Error(`Cannot read "${filename}": ${fileProblem(error)}`)
  })
  const { snapshot, findings } = readRoutingFile(text)
  for (const finding of findings) stderr.write(`${formatFinding(finding, filename)}\n`)
  if (snapshot === undefined) throw new Error(`Cannot explain by "${filename}": it has mistakes; correct them first`)
  return {
    explain: (question) => {
      const explained = explain(snapshot, question)
      if (explained.kind === 'refused') throw new Error(explained.message)
      return Promise.resolve(explained.explanation)
    },
    credential: () => Promise.reject(new Error('Cannot send a request to a file')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
