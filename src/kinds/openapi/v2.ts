/** The OpenAPI v2 document as gnostic's protobuf: which kinds can be patched, and that a patch may be a dry run. */
import { lengthField as field, varintField } from '../protobuf/writer.ts'

export interface PatchablePath {
  readonly path: string
  readonly groupVersionKind: { readonly group: string; readonly version: string; readonly kind: string }
}

/** Document: 1 swagger, 2 info (1 title, 2 version), 8 paths (2 path: 1 name, 2 item). */
export function documentV2(version: string, paths: readonly PatchablePath[]): Uint8Array {
  const info = message(field(1, 'Kubernetes'), field(2, version))
  const items = paths.map((one) => field(2, message(field(1, one.path), field(2, pathItem(one)))))
  return message(field(1, '2.0'), field(2, info), field(8, message(...items)))
}

/** PathItem: 8 patch; Operation: 8 parameters, 9 responses, 13 extensions (1 name, 2 value: 2 YAML). */
function pathItem({ groupVersionKind: { group, version, kind } }: PatchablePath): Uint8Array {
  const yaml = `group: "${group}"\nversion: ${version}\nkind: ${kind}\n`
  const extension = message(field(1, 'x-kubernetes-group-version-kind'), field(2, field(2, yaml)))
  return field(8, message(field(8, DRY_RUN), field(9, new Uint8Array()), field(13, extension)))
}

/** ParametersItem: 1 parameter: 2 not in the body: 3 in the query (2 in, 4 name, 6 type, 20 unique). */
const DRY_RUN = field(
  1,
  field(2, field(3, message(field(2, 'query'), field(4, 'dryRun'), field(6, 'string'), varintField(20, 1n)))),
)

function message(...fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields)
}
