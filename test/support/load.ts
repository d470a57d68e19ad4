/** Steady HTTP load on kept connections that remembers every answer, to prove that none was lost or misrouted. */
import { Agent, request } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http'

export interface Answer {
  /** Order of sending. */
  readonly sequence: number
  /** 0 when there was none. */
  readonly status: number
  /** The trimmed body, or the error. */
  readonly body: string
}

export interface Load {
  readonly answers: readonly Answer[]
  /** The answers other than 200. */
  failures(): readonly Answer[]
  /** How many requests were sent so far: answers with a sequence at or above this were sent later. */
  mark(): number
  /** Bodies of the answers to requests sent since `mark`, counted. */
  countSince(mark: number): Readonly<Record<string, number>>
  /** Resolves once that many requests have been answered in all. */
  until(answers: number): Promise<void>
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  /** Pause of each connection between an answer and its next request. */
  readonly pauseMs: number
  readonly headers?: OutgoingHttpHeaders
}

export function startLoad({ url, connections, pauseMs, headers = {} }: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: Answer[] = []
  const waiting: { readonly answers: number; readonly resolve: () => void }[] = []
  let sequence = 0
  let stopping = false

  const drive = async (): Promise<void> => {
    while (!stopping) {
      const answer = await send(url, { agent, headers, sequence: sequence++ })
      answers.push(answer)
      for (const waiter of waiting.filter((each) => each.answers <= answers.length)) waiter.resolve()
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs)
      })
    }
  }
  const drivers = Array.from({ length: connections }, drive)
  return {
    answers,
    failures: () => answers.filter(({ status }) => status !== 200),
    mark: () => sequence,
    countSince: (mark) => countBodies(answers.filter((answer) => answer.sequence >= mark)),
    until: (count) =>
      new Promise((resolve) => {
        if (answers.length >= count) resolve()
        else waiting.push({ answers: count, resolve })
      }),
    stop: async () => {
      stopping = true
      await Promise.all(drivers)
      agent.destroy()
    },
  }
}

/** One request, read to its end. */
export function fetchText(url: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  const agent = new Agent({ keepAlive: false })
  return send(url, { agent, headers, sequence: 0 })
}

export function countBodies(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { body } of answers) counts[body] = (counts[body] ?? 0) + 1
  return counts
}

interface SendOptions {
  readonly agent: Agent
  readonly headers: OutgoingHttpHeaders
  readonly sequence: number
}

function send(url: string, { agent, headers, sequence }: SendOptions): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ sequence, status: 0, body: error.message })
    request(url, { agent, headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ sequence, status: response.statusCode ?? 0, body: body.trim() }))
      response.on('error', fail)
    })
      .on('error', fail)
      .end()
  })
}
