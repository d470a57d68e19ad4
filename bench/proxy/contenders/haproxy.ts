import { readFile } from 'node:fs/promises'

import { hostName } from '../scenarios.ts'
import type { Features } from '../scenarios.ts'
import { end, find, freePort, start } from '../tools.ts'
import { write } from './contender.ts'
import type { Contender, Surroundings } from './contender.ts'

/** It has no tracing of its own; its log goes to a pipe that is read and dropped. */
export const haproxy: Contender = async (surroundings, features) => {
  const program = await find('haproxy')
  if (program === undefined) return undefined
  const port = await freePort()
  const bind = await bindOptions(surroundings, features)
  const config = await write('haproxy.cfg', gateway(port, bind, surroundings, features, await choice(features.hosts)))
  const child = start(program, ['-db', '-f', config])
  return { name: 'haproxy', port, pid: child.pid ?? 0, stop: () => end(child) }
}

async function bindOptions({ certificate, privateKey }: Surroundings, { tls, http2 }: Features): Promise<string> {
  if (!tls) return http2 ? ' proto h2' : ''
  const pem = await write(
    'haproxy.pem',
    `${await readFile(certificate, 'utf8')}\n${await readFile(privateKey, 'utf8')}`,
  )
  return ` ssl crt ${pem} alpn ${http2 ? 'h2,' : ''}http/1.1`
}

async function choice(hosts: number): Promise<string> {
  if (hosts === 1) return 'default_backend split'
  const lines = Array.from({ length: hosts }, (_, index) => `${hostName(index)} split`)
  const path = await write('hosts.map', `${lines.join('\n')}\n`)
  return `use_backend %[req.hdr(host),lower,map(${path})]`
}

// oxlint-disable-next-line max-params -- the parts of one text
function gateway(port: number, bind: string, { v1, v2 }: Surroundings, { telling }: Features, chosen: string): string {
  return `global
  nbthread 1
  maxconn 8192
${telling ? '  log stderr format raw local0' : ''}
defaults
  mode http
${telling ? '  log global\n  option httplog' : ''}
  timeout connect 5s
  timeout client 600s
  timeout server 15s
  timeout http-keep-alive 600s
  http-reuse always
  option forwardfor
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
frontend gateway
  bind 127.0.0.1:${port}${bind}
  http-request set-header X-Forwarded-Proto http
  acl canary hdr(stage) -m str canary
  use_backend v2 if canary
  ${chosen}
backend v2
  server v2 127.0.0.1:${v2}
backend split
  balance roundrobin
  server v1 127.0.0.1:${v1} weight 90
  server v2 127.0.0.1:${v2} weight 10
`
}
