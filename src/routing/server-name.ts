/** Server names of TLS (RFC 6066 §3): DNS names without a trailing dot; in configuration also `*.example.com`. */

const SERVER_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i
const SERVER_NAME_CHARACTERS_MAX = 255

/** Whether the text can be one in a configuration, wildcards included. */
export function isServerName(name: string): boolean {
  return name.length <= SERVER_NAME_CHARACTERS_MAX && SERVER_NAME.test(name)
}

/** Whether one of the names is this one, or a wildcard above it: `*.example.com` has `a.example.com` and `a.b.example.com`. */
export function hasServerName(names: readonly string[], serverName: string): boolean {
  const lower = serverName.toLowerCase()
  return names.some((name) => {
    const wanted = name.toLowerCase()
    return wanted.startsWith('*.')
      ? lower.endsWith(wanted.slice(1)) && lower.length > wanted.length - 1
      : lower === wanted
  })
}
