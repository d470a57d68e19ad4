/** Where manifests come from: files, directories, URLs, standard input. */
import { open, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { messageOf } from '../../base/errors.ts'
import { fileProblem } from '../../base/file-problem.ts'
import type { CliDeps } from '../deps.ts'

/** Far more than an API server takes at once; the limit keeps a wrong file name from filling the memory. */
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024
const EXTENSIONS = ['.json', '.yaml', '.yml']

interface ManifestText {
  /** As the user named it. */
  readonly source: string
  readonly text: string
}

interface SourceFailure {
  readonly source: string
  readonly message: string
}

export interface Sources {
  readonly texts: readonly ManifestText[]
  readonly failures: readonly SourceFailure[]
}

/** Reads every named source in the given order; a directory's files in the order of their names. */
export async function readSources(names: readonly string[], recursive: boolean, deps: CliDeps): Promise<Sources> {
  const texts: ManifestText[] = []
  const failures: SourceFailure[] = []
  for (const name of names) {
    try {
      texts.push(...(await readSource(name, recursive, deps)))
    } catch (error) {
      failures.push({ source: name, message: `Cannot read "${name}": ${explain(error)}` })
    }
  }
  return { texts, failures }
}

async function readSource(name: string, recursive: boolean, deps: CliDeps): Promise<readonly ManifestText[]> {
  if (name === '-') return [{ source: '-', text: await readStream(deps.stdin, '-') }]
  if (/^https?:\/\//.test(name)) return [{ source: name, text: await download(name, deps.signal) }]
  const path = resolve(deps.cwd, name)
  if (!(await stat(path)).isDirectory()) return [{ source: name, text: await readFile(path, name) }]
  const files = await filesIn(path, recursive)
  if (files.length === 0)
    throw new Error(
      `the directory has no ${EXTENSIONS.join(', ')} files${recursive ? '' : '; -R descends into directories'}`,
    )
  return Promise.all(
    files.map(async (file) => ({ source: join(name, file), text: await readFile(join(path, file), file) })),
  )
}

async function filesIn(directory: string, recursive: boolean): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && EXTENSIONS.some((extension) => entry.name.endsWith(extension)))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()
}

async function readFile(path: string, name: string): Promise<string> {
  const file = await open(path)
  try {
    return await readStream(file.createReadStream({ autoClose: false }), name)
  } finally {
    await file.close()
  }
}

async function download(url: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { signal })
  if (!answer.ok || answer.body === null) throw new Error(`the server answered ${answer.status} ${answer.statusText}`)
  return readStream(answer.body, url)
}

async function readStream(stream: AsyncIterable<Uint8Array | string>, name: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    bytes += part.byteLength
    if (bytes > MANIFEST_BYTES_MAX) throw new Error(`"${name}" is larger than ${MANIFEST_BYTES_MAX / 1024 / 1024} MiB`)
    chunks.push(part)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
}

function explain(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : ''
  return fileProblem(error) + cause
}
