/** `sluice explain`: asks whoever knows the routes, and prints the decision; with `--live` also what really happened. */
import { parseHeader, readQuestion } from '../../routing/explain-question.ts'
import type { Explanation, Question } from '../../routing/explanation.ts'
import { type Call, UsageError } from '../command.ts'
import { type LiveDecision, sendLive } from '../explain/live.ts'
import { explanationLines, liveLines } from '../explain/report.ts'
import { adminSource, apiSource, type ExplainSource, fileSource } from '../explain/sources.ts'
import type { ExplainOptions } from '../options.ts'

export async function explainRequest(call: Call<ExplainOptions>): Promise<number> {
  const question = questionOf(call)
  await using source = await openSource(call)
  const explanation = await source.explain(question)
  const live = call.options.live === true ? await tryLive(call, source, { explanation, question }) : undefined
  await print(call, explanation, live)
  return 0
}

function questionOf({ args: [url = ''], options }: Call<ExplainOptions>): Question {
  const { request: method, header, listener, from } = options
  const bad = header.find((text) => !text.includes(':'))
  if (bad !== undefined) throw new UsageError(`Cannot send the header "${bad}": write it as -H "Name: value"`)
  const question: Question = {
    method,
    url,
    headers: header.map(parseHeader),
    ...(listener === undefined ? {} : { listener }),
    ...(from === undefined ? {} : { clientAddress: from }),
  }
  const asked = readQuestion(question)
  if (asked.kind === 'refused') throw new UsageError(asked.message)
  return question
}

function openSource(call: Call<ExplainOptions>): Promise<ExplainSource> {
  const { options, deps } = call
  if (options.filename !== undefined && options.admin !== undefined) {
    throw new UsageError('Cannot ask both a file and an admin port: leave -f or --admin out')
  }
  if (options.filename !== undefined && options.live === true) {
    throw new UsageError('Cannot send a request to a file: leave --live or -f out')
  }
  if (options.filename !== undefined) return fileSource(options.filename, deps)
  return options.admin === undefined ? apiSource(options, deps) : adminSource(options.admin, deps)
}

async function tryLive(
  { deps }: Call<ExplainOptions>,
  source: ExplainSource,
  { explanation, question }: { readonly explanation: Explanation; readonly question: Question },
): Promise<LiveDecision> {
  if (question.method === 'CONNECT') throw new UsageError('Cannot send CONNECT: a tunnel has no answer to look at')
  const sent = { explanation, headers: question.headers, credential: await source.credential() }
  return sendLive(sent, deps)
}

async function print(
  { deps, options }: Call<ExplainOptions>,
  explanation: Explanation,
  live: LiveDecision | undefined,
): Promise<void> {
  if (options.output === undefined) {
    const lines = [...explanationLines(explanation), ...(live === undefined ? [] : liveLines(live, explanation))]
    deps.stdout.write(`${lines.join('\n')}\n`)
    return
  }
  const { toYaml } = await import('../output/serialize.ts')
  const whole = live === undefined ? explanation : { ...explanation, live }
  deps.stdout.write(options.output === 'json' ? `${JSON.stringify(whole, null, 2)}\n` : toYaml(whole))
}
