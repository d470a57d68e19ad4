import { objectKey } from '../../kube/object.ts'
import { objectPath } from '../../kube/resource-path.ts'
import type { Session } from '../api/connect.ts'
import type { ServedResource } from '../api/discovery.ts'
import type { Call } from '../command.ts'
import type { GetOptions } from '../options.ts'

/** What one `get` works with. */
export interface GetRun extends Call<GetOptions> {
  readonly session: Session
}

export function namedPath({ session }: GetRun, resource: ServedResource, name: string): string {
  return objectPath(resource, objectKey(resource.namespaced ? session.namespace : undefined, name))
}
