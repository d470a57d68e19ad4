/** Several processes on one port: who may, and which port is free to begin with. */
import { createServer } from 'node:net'

/** Where the kernel spreads connections over all sockets that listen on one port (`SO_REUSEPORT`). */
export function canSharePorts(platform: NodeJS.Platform): boolean {
  return platform === 'linux' || platform === 'freebsd'
}

/**
 * The port, or for 0 any free one. Rejects when somebody has it: processes that share a port would not notice, and would
 * take each other's connections.
 */
export function claimPort(address: string, port: number): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : port))
    })
  })
}
