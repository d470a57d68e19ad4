/** Decisions explained by what is served now and what the proxies say of themselves. */
import { failure } from '../kube/api-error.ts'
import { reportClusters } from '../proxy/cluster-report.ts'
import type { ControlLink } from '../proxy/control-link.ts'
import { explain } from '../routing/explain.ts'
import { questionFromQuery } from '../routing/explain-question.ts'
import type { Explained, Explanation, Observed } from '../routing/explanation.ts'
import type { RoutingSnapshot } from '../routing/model.ts'

/** The question as `questionToQuery` writes it. */
export async function explainServed(link: ControlLink | undefined, query: URLSearchParams): Promise<Explained> {
  const snapshot = link?.published.value
  if (link === undefined || snapshot === undefined) {
    return { kind: 'refused', message: 'Cannot explain anything yet: no routes are served; ask again in a moment' }
  }
  return explain(snapshot, questionFromQuery(query), await observe(link, snapshot))
}

/** Rejects with what the API answers. */
export async function explainForApi(link: ControlLink | undefined, query: URLSearchParams): Promise<Explanation> {
  const explained = await explainServed(link, query)
  if (explained.kind === 'explained') return explained.explanation
  throw failure({ code: 400, reason: 'BadRequest', message: explained.message })
}

async function observe(link: ControlLink, snapshot: RoutingSnapshot): Promise<Observed> {
  const descriptions = await link.describe()
  const { clusters, draining } = reportClusters(snapshot, descriptions)
  const { expected, proxies } = link.state.value
  const serving = proxies.filter(({ connected, acknowledged }) => connected && acknowledged === snapshot.generation)
  return {
    proxies: { expected, live: serving.length },
    listeners: proxies.find(({ connected }) => connected)?.listeners ?? [],
    // Of what nobody has said anything of, nobody knows that it is well.
    clusters: descriptions.length === 0 ? [] : clusters,
    draining,
  }
}
