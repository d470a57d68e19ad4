/** What is served now, and the documents that tell clients of it. They change together, when a resource comes or goes. */
import type { Watched } from '../../base/watched.ts'
import type { Kind } from '../../kinds/kind.ts'
import { Registry } from '../registry/registry.ts'
import { OpenApi } from './openapi.ts'
import { apiGroups } from './resources.ts'
import type { ApiGroup } from './resources.ts'

/** Kinds that stay the same, or that may come and go while the server runs. */
export type Kinds = readonly Kind[] | Watched<readonly Kind[]>

export class Served {
  #registry: Registry
  #groups: readonly ApiGroup[]
  #openApi: OpenApi
  readonly #unsubscribe: () => void

  /** `onChange` is called once a change is in effect. */
  constructor(kinds: Kinds, onChange: () => void) {
    const first = 'subscribe' in kinds ? kinds.value : kinds
    this.#registry = new Registry(first)
    this.#groups = apiGroups(this.#registry)
    this.#openApi = new OpenApi(this.#registry)
    this.#unsubscribe =
      'subscribe' in kinds
        ? kinds.subscribe((changed) => {
            this.#set(new Registry(changed, this.#registry))
            onChange()
          })
        : () => {}
  }

  get registry(): Registry {
    return this.#registry
  }

  get groups(): readonly ApiGroup[] {
    return this.#groups
  }

  get openApi(): OpenApi {
    return this.#openApi
  }

  close(): void {
    this.#unsubscribe()
  }

  #set(registry: Registry): void {
    this.#registry = registry
    this.#groups = apiGroups(registry)
    this.#openApi = new OpenApi(registry)
  }
}
