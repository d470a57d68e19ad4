/**
 * Container image references. Two references name the same image when they are equal after what Docker leaves out
 * is filled in: `nginx` is `docker.io/library/nginx:latest`. Grammar: distribution/reference.
 */

export interface ImageReference {
  /** `docker.io` */
  readonly registry: string
  /** `library/nginx` */
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

const DEFAULT_REGISTRY = 'docker.io'
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/

/** `undefined`: not a valid reference (Kubernetes says InvalidImageName). */
export function parseImage(text: string): ImageReference | undefined {
  const [beforeDigest, digest] = splitOnce(text, '@')
  const slash = beforeDigest.lastIndexOf('/')
  const colon = beforeDigest.indexOf(':', slash + 1)
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon)
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1)
  const { registry, repository } = splitRegistry(name)
  if (!REPOSITORY.test(repository)) return undefined
  if (tag !== undefined && !TAG.test(tag)) return undefined
  if (digest !== undefined && !DIGEST.test(digest)) return undefined
  return { registry, repository, tag, digest }
}

/** The full form, as `crictl` and container statuses print it. */
export function formatImage({ registry, repository, tag, digest }: ImageReference): string {
  const name = `${registry}/${repository}`
  if (digest !== undefined) return `${name}${tag === undefined ? '' : `:${tag}`}@${digest}`
  return `${name}:${tag ?? 'latest'}`
}

/**
 * How well a catalogue's entry fits an image: higher is better, `undefined` not at all. An entry without tag and
 * digest stands for every version of the image.
 */
export function imageFit(entry: ImageReference, image: ImageReference): number | undefined {
  if (entry.registry !== image.registry || entry.repository !== image.repository) return undefined
  if (entry.digest !== undefined) return entry.digest === image.digest ? 2 : undefined
  if (entry.tag === undefined) return 0
  return entry.tag === (image.tag ?? (image.digest === undefined ? 'latest' : undefined)) ? 1 : undefined
}

/** The first part is a registry only if it looks like a host: has a dot or a port, or is localhost. */
function splitRegistry(name: string): { readonly registry: string; readonly repository: string } {
  const [first, rest] = splitOnce(name, '/')
  if (rest === undefined) return { registry: DEFAULT_REGISTRY, repository: `library/${first}` }
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost'
  if (!isHost) return { registry: DEFAULT_REGISTRY, repository: name }
  const registry = first === 'index.docker.io' ? DEFAULT_REGISTRY : first
  const isOfficial = registry === DEFAULT_REGISTRY && !rest.includes('/')
  return { registry, repository: isOfficial ? `library/${rest}` : rest }
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
