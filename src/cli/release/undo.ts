/** The release that takes another one back: the same routes, with stable and canary exchanged. Pure. */
import type { Release } from '../../kinds/release.ts'

/** The name of the release that this one takes back. */
const UNDOES_ANNOTATION = 'sluice.dev/undoes'
const NAME_CHARS_MAX = 253
const SUFFIX = '-undo'

export function undoRelease({ apiVersion, kind, metadata, spec }: Release): Release {
  const name = metadata.name ?? ''
  return {
    apiVersion,
    kind,
    metadata: {
      name: `${name.slice(0, NAME_CHARS_MAX - SUFFIX.length)}${SUFFIX}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      annotations: { [UNDOES_ANNOTATION]: name },
    },
    spec: {
      targets: spec.targets.toReversed().map((target) => ({ ...target, stable: target.canary, canary: target.stable })),
      steps: [{ name: 'undo', weight: 100 }],
      onSuccess: { stable: spec.onSuccess?.stable === 'Keep' ? 'Keep' : 'ScaleToZero' },
    },
  }
}
