/** The formats of names, labels and other identifiers. Each check gives what is wrong, for after `Invalid value: "x": `. */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const ENV_NAME = /^[^=\p{Cc}]+$/u
const PORT_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/

const LABEL_LENGTH_MAX = 63
const SUBDOMAIN_LENGTH_MAX = 253
const PORT_NAME_LENGTH_MAX = 15

export type Check = (text: string) => readonly string[]

/** `my-name`: RFC 1123 label (namespaces, containers, volumes). */
export const dnsLabelErrors: Check = (text) => [
  ...tooLong(text, LABEL_LENGTH_MAX),
  ...unless(
    LABEL.test(text),
    "a lowercase RFC 1123 label must consist of lower case letters, digits or '-', and start and end with a letter or digit (for example 'my-name' or '123-abc')",
  ),
]

/** `my-name`, starting with a letter: RFC 1035 label (Services). */
export const dns1035LabelErrors: Check = (text) => [
  ...tooLong(text, LABEL_LENGTH_MAX),
  ...unless(
    LABEL_1035.test(text),
    "a DNS-1035 label must consist of lower case letters, digits or '-', start with a letter, and end with a letter or digit (for example 'my-name' or 'abc-123')",
  ),
]

/** `my.name`: RFC 1123 subdomain (most objects). */
export const dnsSubdomainErrors: Check = (text) => [
  ...tooLong(text, SUBDOMAIN_LENGTH_MAX),
  ...unless(
    SUBDOMAIN.test(text),
    "a lowercase RFC 1123 subdomain must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit (for example 'example.com')",
  ),
]

/** `app` or `example.com/app`: keys of labels and annotations, conditions, finalizers. */
export const qualifiedNameErrors: Check = (text) => {
  const slash = text.indexOf('/')
  const name = text.slice(slash + 1)
  const prefix = slash < 0 ? [] : dnsSubdomainErrors(text.slice(0, slash)).map((why) => `prefix part ${why}`)
  return [
    ...prefix,
    ...tooLong(name, LABEL_LENGTH_MAX).map((why) => `name part ${why}`),
    ...unless(
      QUALIFIED_PART.test(name),
      "name part must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit (for example 'MyName' or 'my.name')",
    ),
  ]
}

export const labelValueErrors: Check = (text) => [
  ...tooLong(text, LABEL_LENGTH_MAX),
  ...unless(
    text === '' || QUALIFIED_PART.test(text),
    "a valid label must be empty or consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit (for example 'MyValue' or '12345')",
  ),
]

export const envNameErrors: Check = (text) =>
  unless(
    ENV_NAME.test(text),
    "a valid environment variable name must not be empty and must not contain '=' or control characters",
  )

/** `http-admin`: names of ports, IANA service names. */
export const portNameErrors: Check = (text) => [
  ...tooLong(text, PORT_NAME_LENGTH_MAX),
  ...unless(PORT_NAME.test(text), "must contain only lower case letters, digits and single '-' between them"),
  ...unless(/[a-z]/.test(text), 'must contain at least one letter (a-z)'),
]

/** Keys of ConfigMaps and Secrets. */
export const configKeyErrors: Check = (text) => [
  ...tooLong(text, SUBDOMAIN_LENGTH_MAX),
  ...unless(
    CONFIG_KEY.test(text) && text !== '.' && text !== '..',
    "a valid config key must consist of letters, digits, '-', '_' or '.' (for example 'key.name' or 'KEY_NAME')",
  ),
]

function tooLong(text: string, lengthMax: number): readonly string[] {
  return text.length > lengthMax ? [`must be no more than ${lengthMax} characters`] : []
}

function unless(isRight: boolean, message: string): readonly string[] {
  return isRight ? [] : [message]
}

const IPV4 = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

/** 4 or 6; undefined for what is no IP address. */
export function ipFamilyOf(text: string): 4 | 6 | undefined {
  if (IPV4.test(text) && !/(?:^|\.)0\d/.test(text)) return 4
  return isIpv6(text) ? 6 : undefined
}

/** Eight groups of hex digits; one run of zero groups may be `::`; the last two may be an IPv4 address. */
function isIpv6(text: string): boolean {
  const lastColon = text.lastIndexOf(':')
  const isMixed = text.includes('.')
  if (isMixed && !IPV4.test(text.slice(lastColon + 1))) return false
  const plain = isMixed ? `${text.slice(0, lastColon + 1)}0:0` : text
  const halves = plain.split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const isFull = halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length < 8
  return isFull && groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
}
