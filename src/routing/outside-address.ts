/** Where a request for an unknown host goes that a route table lets out: to just the host and port that it names. */

const DEFAULT_PORT = 80

export interface OutsideAddress {
  readonly address: string
  readonly port: number
}

/** `example.com`, `example.com:8080`, `[::1]:8080`; undefined: it is no address. */
export function outsideAddress(host: string): OutsideAddress | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::([0-9]{1,5}))?$/i.exec(host) ?? []
  const address = bracketed ?? plain
  const port = digits === '' ? DEFAULT_PORT : Number(digits)
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port }
}
