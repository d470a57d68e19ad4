/**
 * The gateway's definite port, known before any proxy opens it: several share it, and one that replaces another opens it
 * beside that one. Proxies that an earlier control plane left running have it already.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../base/durable-file.ts'
import { codeOf, messageOf } from '../base/errors.ts'
import type { UpOptions } from '../cli/deps.ts'
import { claimPort } from '../proxy/shared-port.ts'
import { livingProxies } from '../proxy/supervisor.ts'

interface Gateway {
  readonly address: string
  /** 0: any. */
  readonly asked: number
  readonly port: number
}

/** Rejects when another program has the port. */
export async function settleGatewayPort(options: UpOptions): Promise<number> {
  const { dataDir, gatewayAddress: address, gatewayPort: asked } = options
  const path = join(dataDir, 'run', 'gateway.json')
  const held = livingProxies(dataDir).length > 0 ? readGateway(path) : undefined
  if (held !== undefined && held.address === address && (asked === held.port || asked === held.asked)) return held.port
  const port = await claimPort(address, asked).catch((error: unknown) => {
    const cure = 'choose another port with --gateway-port, 0 for any'
    throw new Error(`Cannot open the gateway on "${address}:${asked}": ${messageOf(error)}; ${cure}`, { cause: error })
  })
  const gateway: Gateway = { address, asked, port }
  writeDurably(path, JSON.stringify(gateway))
  return port
}

/** Undefined when there is no such file, or none that can be read: the port is then chosen anew. */
function readGateway(path: string): Gateway | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Gateway> | null
    const { address, asked, port } = value ?? {}
    return typeof address === 'string' && typeof asked === 'number' && typeof port === 'number'
      ? { address, asked, port }
      : undefined
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
