/** Several processes on one port: who may, and which port is free to begin with. */
import net, { createServer, isIP } from 'node:net'

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

/**
 * As `claimPort`, of a port that sockets of ours are bound to, at this or another address: only another program's is in the
 * way. Nobody listens meanwhile, so no client is taken from them.
 */
export async function claimPortAgain(address: string, port: number): Promise<number> {
  if (isIP(address) === 0 || !canSharePorts(process.platform) || !('BoundSocket' in net))
    return claimPort(address, port)
  new net.BoundSocket({ host: address, port, reusePort: true }).close()
  return port
}
