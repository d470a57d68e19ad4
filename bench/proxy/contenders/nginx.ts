import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { hostName } from '../scenarios.ts'
import type { Features } from '../scenarios.ts'
import { end, find, freePort, start } from '../tools.ts'
import { folder, write } from './contender.ts'
import type { Contender, Running, Surroundings } from './contender.ts'

export const nginx: Contender = async (surroundings, features) => {
  const program = await find('nginx')
  if (program === undefined) return undefined
  const port = await freePort()
  const config = await write('nginx.conf', gateway(port, surroundings, features))
  const child = start(program, ['-p', folder, '-c', config, '-g', 'daemon off;'])
  return { name: 'nginx', port, pid: child.pid ?? 0, stop: () => end(child) }
}

/** It has no tracing of its own. */
function gateway(port: number, surroundings: Surroundings, { tls, http2, hosts, telling }: Features): string {
  const { v1, v2, certificate, privateKey } = surroundings
  const listen = `listen 127.0.0.1:${port}${tls ? ' ssl' : ''}${http2 ? ' http2' : ''};`
  const secret = tls ? `ssl_certificate ${certificate}; ssl_certificate_key ${privateKey};` : ''
  const names = hosts === 1 ? [''] : Array.from({ length: hosts }, (_, index) => `server_name ${hostName(index)};`)
  const servers = names.map(
    (name) => `server {
      ${listen} ${name} ${secret}
      location / {
        proxy_pass http://$version;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Request-Id $request_id;
      }
    }`,
  )
  return `${head('nginx', telling ? `access_log ${join(folder, 'nginx.log')} combined buffer=64k flush=1s;` : 'access_log off;')}
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 128;
    upstream v1 { server 127.0.0.1:${v1}; keepalive 256; keepalive_requests 1000000000; }
    upstream v2 { server 127.0.0.1:${v2}; keepalive 256; keepalive_requests 1000000000; }
    split_clients $request_id $weighted { 10% v2; * v1; }
    map $http_stage $version { default $weighted; canary v2; }
    ${servers.join('\n')}
  }`
}

/** The backend of all: two fixed answers, and files. */
export async function startBackends(): Promise<Running & { readonly backends: { v1: number; v2: number } }> {
  const program = await find('nginx')
  if (program === undefined) throw new Error('Cannot run the benchmark: nginx is missing. Install nginx-light')
  const root = join(folder, 'www')
  await mkdir(root)
  await writeFile(join(root, '16k'), Buffer.alloc(16 * 1024, 'x'))
  await writeFile(join(root, '1m'), Buffer.alloc(1024 * 1024, 'x'))
  const backends = { v1: await freePort(), v2: await freePort() }
  const servers = Object.entries(backends).map(
    ([name, port]) => `server {
      listen 127.0.0.1:${port};
      root ${root};
      location = / { return 200 "version:${name}\\n"; }
      location / { sendfile on; }
    }`,
  )
  const config = await write('backend.conf', `${head('backend', 'access_log off;')}\n${servers.join('\n')}\n}`)
  const child = start(program, ['-p', folder, '-c', config, '-g', 'daemon off;'])
  return { name: 'backend', port: backends.v1, pid: child.pid ?? 0, stop: () => end(child), backends }
}

function head(name: string, log: string): string {
  return `worker_processes 1;
  pid ${folder}/${name}.pid;
  error_log /dev/null;
  worker_rlimit_nofile 16384;
  events { worker_connections 16384; }
  http {
    ${log}
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy;
    fastcgi_temp_path ${folder}/${name}-fcgi; uwsgi_temp_path ${folder}/${name}-uwsgi; scgi_temp_path ${folder}/${name}-scgi;`
}
