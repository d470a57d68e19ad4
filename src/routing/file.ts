/**
 * The routing model in a file, YAML or JSON, for a data plane that runs alone: reading it, with every mistake at its place,
 * and the JSON Schema by which editors help.
 */
import { LineCounter, parseDocument } from 'yaml'

import { joinFieldPath, offsetOf, splitFieldPath } from '../base/yaml-place.ts'
import { LINEAR_YAML, YamlValueError, yamlValue } from '../base/yaml-value.ts'

import { checkSnapshot } from './check.ts'
import { decodeWith } from './file/shape.ts'
import type { JsonSchema, Mistake } from './file/shape.ts'
import { snapshotShape } from './file/snapshot-shape.ts'
import type { RoutingSnapshot } from './model.ts'

/** Aliases may multiply a small text into a huge value; a text of the largest size has fewer without them. */
const NODES_MAX = 5_000_000
/** Some 50,000 routes. Reading takes 120 times as much memory, and who reads answers for a data plane. */
const TEXT_CHARACTERS_MAX = 16 * 1024 * 1024

export interface RoutingFile {
  /** Undefined when there is an error. */
  readonly snapshot: RoutingSnapshot | undefined
  /** In the order of the text. Warnings do not keep it from being served. */
  readonly findings: readonly Finding[]
}

export interface Finding {
  readonly severity: 'error' | 'warning'
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** `clusters[0].endpoints[1].port`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
}

/** Reads the text, fills in what was left out, and checks that the whole can be served. */
export function readRoutingFile(text: string): RoutingFile {
  if (text.length > TEXT_CHARACTERS_MAX) return tooLarge(text.length)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, ...LINEAR_YAML })
  const find = (severity: Finding['severity'], offset: number, path: string, message: string): Finding => {
    const { line, col } = lines.linePos(offset)
    return { severity, line: Math.max(line, 1), column: Math.max(col, 1), path, message }
  }
  const unreadable = (why: string, offset: number): RoutingFile => ({
    snapshot: undefined,
    findings: [find('error', offset, '', `Cannot read the file: ${why}`)],
  })
  const [error] = document.errors
  if (error !== undefined) return unreadable(error.message, error.pos[0])
  let value: unknown
  try {
    value = yamlValue(document, { nodesMax: NODES_MAX })
  } catch (cause) {
    if (!(cause instanceof YamlValueError)) throw cause
    return unreadable(cause.message, cause.offset)
  }
  const mistakes: Mistake[] = []
  const snapshot = decodeWith(snapshotShape, value, mistakes)
  const findings = [
    ...mistakes.map(({ path, message }) => find('error', offsetOf(document, path), joinFieldPath(path), message)),
    ...(snapshot === undefined ? [] : checkSnapshot(snapshot)).map(({ severity, path, message }) =>
      find(severity, offsetOf(document, splitFieldPath(path)), path, message),
    ),
  ].toSorted((a, b) => a.line - b.line || a.column - b.column)
  return { snapshot: findings.some(({ severity }) => severity === 'error') ? undefined : snapshot, findings }
}

function tooLarge(characters: number): RoutingFile {
  const message = `Cannot read the file: it has ${characters} characters, more than ${TEXT_CHARACTERS_MAX}`
  return { snapshot: undefined, findings: [{ severity: 'error', line: 1, column: 1, path: '', message }] }
}

/** `routing.yaml:12:9: clusters[0].endpoints[1].port: Cannot use 70000: …` */
export function formatFinding({ severity, line, column, path, message }: Finding, source: string): string {
  const words = [...(severity === 'warning' ? ['warning'] : []), ...(path === '' ? [] : [path]), message]
  return `${source}:${line}:${column}: ${words.join(': ')}`
}

/** Draft 2020-12. */
export function routingFileSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Sluice routing file',
    description: 'What `sluice proxy -f` serves.',
    ...snapshotShape.json,
  }
}
