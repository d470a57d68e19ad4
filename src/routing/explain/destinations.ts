/** Between which destinations a route divides its requests, and which of them is this request's. */
import { cohortPlace, cohortRanges, createCohorts } from '../cohort.ts'
import { fieldText } from '../field-text.ts'
import { compileHashKey } from '../hash-key.ts'
import { hashText } from '../hash.ts'
import type { ExplainedChoice, ExplainedDestination } from '../explanation.ts'
import type { RequestView } from '../match.ts'
import type { Affinity, ForwardAction } from '../route-model.ts'

import { explainCluster } from './cluster.ts'
import type { ClusterSurroundings } from './cluster.ts'
import { explainEdits } from './policies.ts'
import { hashKeyText, percentText } from './words.ts'

interface Choice {
  readonly choice: ExplainedChoice
  /** Index of the destination, where it is certain. */
  readonly picked: number | undefined
}

export function explainDestinations(
  action: ForwardAction,
  surroundings: ClusterSurroundings,
): { readonly choice: ExplainedChoice; readonly destinations: readonly ExplainedDestination[] } {
  const { request, clientAddress } = surroundings
  const { choice, picked } = chooseDestination(action, request, clientAddress)
  const weights = action.destinations.map(({ weight }) => weight)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const ranges = action.affinity === undefined ? [] : cohortRanges(weights)
  const destinations = action.destinations.map((destination, index): ExplainedDestination => {
    const { weight } = destination
    const range = ranges[index]
    const common = {
      weight,
      share: weight / sum,
      ...(picked === undefined ? {} : { picked: picked === index }),
      ...(range === undefined ? {} : { range }),
    }
    if (destination.kind === 'cluster') {
      const { hashKey } = action
      const edits = [
        ...explainEdits('request-headers', destination.requestHeaders),
        ...explainEdits('response-headers', destination.responseHeaders),
      ]
      const cluster = explainCluster(destination.cluster, { ...surroundings, hashKey })
      return { kind: 'cluster', ...common, ...cluster, ...(edits.length === 0 ? {} : { policies: edits }) }
    }
    const { status, reason } = destination
    return { kind: 'invalid', ...common, status, reason }
  })
  return { choice, destinations }
}

function chooseDestination(
  { destinations, affinity }: ForwardAction,
  request: RequestView,
  clientAddress: string,
): Choice {
  const weighted = destinations.flatMap(({ weight }, index) => (weight > 0 ? [index] : []))
  if (weighted.length === 1) {
    const others = destinations.length - 1
    const text = others === 0 ? 'there is no other' : `the ${others === 1 ? 'other has' : 'others have'} weight 0`
    return { choice: { kind: 'only', text }, picked: weighted[0] }
  }
  if (affinity === undefined) return { choice: { kind: 'sequence', text: SEQUENCE }, picked: undefined }
  return chooseByKey(
    affinity,
    destinations.map(({ weight }) => weight),
    { request, clientAddress },
  )
}

const SEQUENCE = 'one after the other, in an exact sequence by weight'

function chooseByKey(
  { key, salt }: Affinity,
  weights: readonly number[],
  { request, clientAddress }: { readonly request: RequestView; readonly clientAddress: string },
): Choice {
  const value = compileHashKey(key)(request, clientAddress) ?? ''
  const name = hashKeyText(key)
  if (value !== '') {
    const hash = hashText(value, hashText(salt))
    const place = cohortPlace(hash)
    const text = `${name} is "${fieldText(value)}", which is at ${percentText(place)} of the range (salt "${salt}"), and stays with its destination`
    return {
      choice: { kind: 'affinity', text, key: name, value: fieldText(value), place },
      picked: createCohorts(weights).of(hash),
    }
  }
  if (key.kind !== 'cookie') {
    return {
      choice: { kind: 'sequence', text: `the request has no ${name} to stay by, so: ${SEQUENCE}` },
      picked: undefined,
    }
  }
  const text = `the request has no ${name}: one is made up and set, and the client stays with what it falls on`
  return { choice: { kind: 'affinity', text, key: name, value: null }, picked: undefined }
}
