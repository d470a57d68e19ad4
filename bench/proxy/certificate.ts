/** A certificate for all proxies, as files. */
import { testAuthority } from '../../test/support/certificates.ts'
import { write } from './contenders/contender.ts'
import type { Surroundings } from './contenders/contender.ts'

export async function certificateFiles(): Promise<Pick<Surroundings, 'certificate' | 'privateKey'>> {
  const authority = await testAuthority()
  const { certificate, privateKey } = await authority.issue('echo.example')
  return { certificate: await write('server.crt', certificate), privateKey: await write('server.key', privateKey) }
}
