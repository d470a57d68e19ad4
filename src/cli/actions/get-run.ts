import type { Session } from '../api/connect.ts'
import type { Call } from '../command.ts'
import type { GetOptions } from '../options.ts'

/** What one `get` works with. */
export interface GetRun extends Call<GetOptions> {
  readonly session: Session
}
