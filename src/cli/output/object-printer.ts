/** The forms of `-o` that print whole objects, of which each is made once, before anything is asked of the API. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileProblem } from '../../base/file-problem.ts'
import type { ServedResource } from '../api/discovery.ts'
import { displayName } from '../api/select.ts'
import { align } from '../api/table.ts'
import { UsageError } from '../command.ts'
import { customLines, parseCustomColumns } from './custom-columns.ts'
import { compileJsonPath, JsonPathError, resultsJson, resultsText } from './jsonpath.ts'
import type { FindResults } from './jsonpath.ts'
import { toJson, toYaml, withoutManagedFields } from './serialize.ts'

export interface FoundObject {
  readonly resource: ServedResource
  readonly object: unknown
}

export interface PrintStyle {
  /** One object was asked for by its name; otherwise they are a List. */
  readonly isSingle: boolean
  readonly headers: boolean
}

export type ObjectPrinter = (found: readonly FoundObject[], style: PrintStyle) => string

/** `output` is one of `OBJECT_FORMATS` but `wide`, with what follows its `=`; a file is looked for from `cwd`. */
export async function objectPrinter(output: string, cwd: string): Promise<ObjectPrinter> {
  const equals = output.indexOf('=')
  const name = equals < 0 ? output : output.slice(0, equals)
  const argument = equals < 0 ? '' : output.slice(equals + 1)
  switch (name) {
    case 'name':
      return namesOf
    case 'yaml':
      return (found, style) => toYaml(valueOf(found.map(withoutManaged), style))
    case 'json':
      return (found, style) => toJson(valueOf(found.map(withoutManaged), style))
    case 'jsonpath':
      return templatePrinter(argument, resultsText)
    case 'jsonpath-as-json':
      return templatePrinter(argument, resultsJson)
    case 'jsonpath-file':
      return templatePrinter(await templateIn(argument, cwd), resultsText)
    case 'custom-columns':
      return columnsPrinter(argument)
    default:
      throw new UsageError(`Cannot print as "${output}": there is no such output format.`)
  }
}

function namesOf(found: readonly FoundObject[]): string {
  return found.map(({ resource, object }) => `${displayName(resource, nameOf(object))}\n`).join('')
}

function nameOf(object: unknown): string {
  return (object as { readonly metadata?: { readonly name?: string } }).metadata?.name ?? ''
}

function withoutManaged({ resource, object }: FoundObject): FoundObject {
  return { resource, object: withoutManagedFields(object) }
}

function valueOf(found: readonly FoundObject[], { isSingle }: PrintStyle): unknown {
  const items = found.map(({ object }) => object)
  return isSingle ? items[0] : { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items }
}

async function templateIn(path: string, cwd: string): Promise<string> {
  if (path === '') return ''
  try {
    return await readFile(resolve(cwd, path), 'utf8')
  } catch (error) {
    throw new UsageError(`Cannot read the template "${path}": ${fileProblem(error)}`)
  }
}

function templatePrinter(template: string, print: (results: ReturnType<FindResults>) => string): ObjectPrinter {
  if (template === '') throw new UsageError('template format specified but no template given')
  const find = read(() => compileJsonPath(template), `error parsing jsonpath ${template}, `)
  const doing = `error executing jsonpath ${JSON.stringify(template)}: Error executing template: `
  return (found, style) => print(execute(() => find(valueOf(found, style)), doing))
}

function columnsPrinter(spec: string): ObjectPrinter {
  const columns = read(() => parseCustomColumns(spec))
  return (found, { headers }) => {
    const objects = found.map(({ object }) => object)
    return align(execute(() => customLines(columns, objects, headers), 'error executing custom-columns: '))
  }
}

/** A template that cannot be read is told as kubectl tells it. */
function read<T>(parse: () => T, doing = ''): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof JsonPathError ? new UsageError(`${doing}${error.message}`) : error
  }
}

/** So is one that does not fit the objects. */
function execute<T>(print: () => T, doing: string): T {
  try {
    return print()
  } catch (error) {
    throw error instanceof JsonPathError ? new Error(`${doing}${error.message}`, { cause: error }) : error
  }
}
