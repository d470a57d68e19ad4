/** What is allowed in a pod but most likely not meant. */
import type { Container, PodSpec, PodTemplateSpec } from './types.ts'

export function podWarnings({ spec }: { readonly spec: PodSpec }): readonly string[] {
  return specWarnings('spec', spec)
}

export function templateWarnings({
  spec,
}: {
  readonly spec: { readonly template: PodTemplateSpec }
}): readonly string[] {
  return specWarnings('spec.template.spec', spec.template.spec)
}

function specWarnings(path: string, spec: PodSpec): readonly string[] {
  const containers = spec.containers.flatMap((container, at) => [
    ...hiddenEnv(`${path}.containers[${at}]`, container),
    ...repeatedPorts(`${path}.containers[${at}]`, container),
    ...fractionalBytes(`${path}.containers[${at}]`, container),
  ])
  return [...containers, ...unmountedToken(path, spec)]
}

function unmountedToken(path: string, { automountServiceAccountToken }: PodSpec): readonly string[] {
  if (automountServiceAccountToken !== true) return []
  return [`${path}.automountServiceAccountToken: no token is mounted; pods run as the user who started Sluice`]
}

function hiddenEnv(path: string, { env = [] }: Container): readonly string[] {
  return env.flatMap(({ name }, at) =>
    env.findIndex((one) => one.name === name) < at
      ? [`${path}.env[${at}]: hides previous definition of "${name}", which may be dropped when using apply`]
      : [],
  )
}

function repeatedPorts(path: string, { ports = [] }: Container): readonly string[] {
  const keys = ports.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`)
  return keys.flatMap((key, at) => {
    const first = keys.indexOf(key)
    return first < at ? [`${path}.ports[${at}]: duplicate port definition with ${path}.ports[${first}]`] : []
  })
}

/** `128m` of memory is an eighth of a byte: somebody meant `128Mi`. */
function fractionalBytes(path: string, { resources = {} }: Container): readonly string[] {
  const { requests = {}, limits = {} } = resources
  return Object.entries({ requests, limits }).flatMap(([field, amounts]) =>
    amounts['memory']?.endsWith('m') === true
      ? [
          `${path}.resources.${field}[memory]: fractional byte value "${amounts['memory']}" is invalid, must be an integer`,
        ]
      : [],
  )
}
