/** `sluice get -o yaml`, `-o jsonpath=…` and the like: whole objects, printed in the form that was asked for. */
import { isReason } from '../../kube/api-error.ts'
import type { Selection } from '../api/select.ts'
import { describeError } from '../output/describe-error.ts'
import type { FoundObject, ObjectPrinter } from '../output/object-printer.ts'
import { writeText } from '../output/write.ts'
import { namedPath } from './get-run.ts'
import type { GetRun } from './get-run.ts'

export async function printObjects(
  run: GetRun,
  selections: readonly Selection[],
  print: ObjectPrinter,
): Promise<number> {
  const { deps, options } = run
  const errors: unknown[] = []
  const found: FoundObject[] = []
  for (const selection of selections) await collect(run, selection, { found, errors })
  const isSingle = selections.length === 1 && selections[0]?.names.length === 1
  const isNothing = found.length === 0 && (isSingle || errors.length > 0)
  if (!isNothing) await writeText(deps.stdout, print(found, { isSingle, headers: options.headers }))
  for (const error of errors) deps.stderr.write(`${describeError(error)}\n`)
  return errors.length > 0 ? 1 : 0
}

async function collect(
  run: GetRun,
  { resource, names }: Selection,
  { found, errors }: { readonly found: FoundObject[]; readonly errors: unknown[] },
): Promise<void> {
  const { client, namespace } = run.session
  const { options, deps } = run
  if (names.length === 0) {
    const { items } = await client.list(resource, {
      ...(options.allNamespaces === true ? {} : { namespace }),
      ...(options.selector === undefined ? {} : { labelSelector: options.selector }),
      ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
      signal: deps.signal,
    })
    found.push(...items.map((object) => ({ resource, object })))
    return
  }
  for (const name of names) {
    try {
      found.push({ resource, object: await client.json(namedPath(run, resource, name), { signal: deps.signal }) })
    } catch (error) {
      if (options.ignoreNotFound !== true || !isReason(error, 'NotFound')) errors.push(error)
    }
  }
}
