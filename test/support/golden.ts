/** Golden files: `<case>.in.yaml` → `<case>.out.yaml`. `UPDATE_GOLDEN=1` rewrites what is expected; read the diff. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'

const FOLDER = resolve(import.meta.dirname, '../golden')

/** Names of the cases of a folder. */
export function goldenCases(folder: string): readonly string[] {
  return readdirSync(join(FOLDER, folder))
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => file.slice(0, -'.in.yaml'.length))
    .toSorted()
}

export function readGoldenInput(folder: string, name: string): readonly unknown[] {
  return readYaml(join(FOLDER, folder, `${name}.in.yaml`))
}

/** All documents of a YAML file that are not empty. */
export function readYaml(file: string): readonly unknown[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8'))
  return documents
    .map((document) => document.toJS() as unknown)
    .filter((value) => value !== null && value !== undefined)
}

export function assertGolden(folder: string, name: string, actual: unknown): void {
  const file = join(FOLDER, folder, `${name}.out.yaml`)
  const text = stringify(actual, { lineWidth: 0, aliasDuplicateObjects: false })
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'))
}
