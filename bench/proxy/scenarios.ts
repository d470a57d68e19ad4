/** What is measured: what the proxies are made to do, and with which requests. */

export interface Features {
  /** HTTPS from clients; the backends speak clear text. */
  readonly tls: boolean
  /** HTTP/2 from clients, in clear text and without asking; the backends speak HTTP/1.1. */
  readonly http2: boolean
  /** Virtual hosts, each with the rule; 1: one for all names. */
  readonly hosts: number
  /** An access log in a file, and where a proxy has it 1 % of the requests traced, spans sent off. Counters are always on. */
  readonly telling: boolean
}

export interface Load {
  readonly path: string
  /** 0: GET. */
  readonly postBytes: number
  readonly connections: number
}

export interface Scenario {
  readonly name: string
  readonly what: string
  readonly features: Features
  readonly load: Load
}

const PLAIN: Features = { tls: false, http2: false, hosts: 1, telling: false }
const SMALL: Load = { path: '/', postBytes: 0, connections: 32 }

export const SCENARIOS: readonly Scenario[] = [
  { name: 'small', what: 'kept connections, small answers', features: PLAIN, load: SMALL },
  {
    name: 'telling',
    what: 'small answers, access log, 1 % traced',
    features: { ...PLAIN, telling: true },
    load: SMALL,
  },
  { name: '16k', what: 'answers of 16 KB', features: PLAIN, load: { ...SMALL, path: '/16k' } },
  { name: '1m', what: 'answers of 1 MB', features: PLAIN, load: { ...SMALL, path: '/1m', connections: 8 } },
  { name: 'post', what: 'POST of 4 KB', features: PLAIN, load: { ...SMALL, postBytes: 4096 } },
  { name: 'tls', what: 'small answers over TLS', features: { ...PLAIN, tls: true }, load: SMALL },
  { name: 'http2', what: 'small answers over HTTP/2', features: { ...PLAIN, http2: true }, load: SMALL },
  { name: 'hosts-100', what: 'small answers, 100 virtual hosts', features: { ...PLAIN, hosts: 100 }, load: SMALL },
  {
    name: 'hosts-10000',
    what: 'small answers, 10,000 virtual hosts',
    features: { ...PLAIN, hosts: 10_000 },
    load: SMALL,
  },
]

/** The name of a virtual host, where there are several. */
export function hostName(index: number): string {
  return `host-${index}.example`
}
