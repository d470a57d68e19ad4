/** Which claimed listeners are opened: of two that want the same name or the same port, the older one's. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { hostPort } from '../../base/host-port.ts'
import type { ServerCertificate } from '../listener-model.ts'
import { byText } from '../object-reference.ts'
import type { Claimant, ListenerClaim } from '../part.ts'

interface ListenerConflict {
  readonly claimant: Claimant
  readonly diagnostic: Diagnostic
}

export interface MergedListeners {
  readonly claims: readonly ListenerClaim[]
  readonly conflicts: readonly ListenerConflict[]
}

export function mergeListeners(all: readonly ListenerClaim[]): MergedListeners {
  const byId = new Map<string, ListenerClaim>()
  const byPlace = new Map<string, ListenerClaim>()
  const conflicts: ListenerConflict[] = []
  for (const claim of all.toSorted(byAge)) {
    const { id, address, port } = claim.listener
    const place = port === 0 ? id : hostPort(address, port)
    const known = byId.get(id) ?? byPlace.get(place)
    if (known !== undefined && !canShare(known, claim)) {
      conflicts.push(...conflictsOf(claim, known))
      continue
    }
    const merged = known === undefined ? claim : together(known, claim)
    byId.set(id, merged)
    byPlace.set(place, merged)
  }
  return { claims: [...byId.values()], conflicts }
}

/** The product's own listeners come first. */
function byAge(a: ListenerClaim, b: ListenerClaim): number {
  const [x, y] = [a.claimants[0], b.claimants[0]]
  return byText(x?.createdAt ?? '', y?.createdAt ?? '') || byText(x?.text ?? '', y?.text ?? '')
}

/** One listener that several objects ask for: each brings its certificates. */
function canShare(a: ListenerClaim, b: ListenerClaim): boolean {
  return (
    a.listener.id === b.listener.id &&
    a.listener.protocol === b.listener.protocol &&
    a.listener.address === b.listener.address &&
    a.listener.port === b.listener.port
  )
}

function together(a: ListenerClaim, b: ListenerClaim): ListenerClaim {
  const [first, second] = [a.listener.tls, b.listener.tls]
  const claimants = [...a.claimants, ...b.claimants]
  if (first === undefined || second === undefined) return { ...a, claimants }
  const certificates = [
    ...first.certificates,
    ...second.certificates.filter((one) => !isAmong(first.certificates, one)),
  ]
  return { ...a, claimants, listener: { ...a.listener, tls: { ...first, certificates } } }
}

function isAmong(certificates: readonly ServerCertificate[], { serverNames, certificate }: ServerCertificate): boolean {
  return certificates.some(
    (one) => one.certificate === certificate && one.serverNames.join(',') === serverNames.join(','),
  )
}

function conflictsOf(loser: ListenerClaim, winner: ListenerClaim): readonly ListenerConflict[] {
  const { address, port } = loser.listener
  const owner = winner.claimants.map(({ text }) => text).join(', ')
  const has = owner === '' ? 'Sluice itself has it' : `${owner} has it`
  const message = `Cannot open listener "${loser.listener.id}" on ${hostPort(address, port)}: ${has}, as "${winner.listener.id}" for ${winner.listener.protocol}`
  return loser.claimants.map((claimant) => ({
    claimant,
    diagnostic: { severity: 'error', code: 'conflicted', path: loser.path, message },
  }))
}
