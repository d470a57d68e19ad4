/** Takes spans and forgets them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export async function startCollector(): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(202).end())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const stop = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { port: (server.address() as AddressInfo).port, stop }
}
