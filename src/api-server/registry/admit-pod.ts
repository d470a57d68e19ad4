/** A pod on its way in: it runs as the service account `default` where it names none, and gets no token of any. */
import { asRecord } from './document.ts'
import type { Document } from './document.ts'

const DEFAULT_ACCOUNT = 'default'

/**
 * What the pod leaves out is said: no token is mounted, whatever the account. A pod that asks for one keeps its word, and is
 * warned about it.
 */
export function admitNewPod(pod: Document): Document {
  const { serviceAccountName, serviceAccount, automountServiceAccountToken } = asRecord(pod.spec)
  const name = given(serviceAccountName) ?? given(serviceAccount) ?? DEFAULT_ACCOUNT
  return withSpec(pod, {
    serviceAccountName: name,
    serviceAccount: name,
    automountServiceAccountToken: automountServiceAccountToken ?? false,
  })
}

/** An update that leaves the account out keeps it. */
export function admitPod(pod: Document, old: Document): Document {
  const { serviceAccountName, serviceAccount, automountServiceAccountToken } = asRecord(old.spec)
  const kept = { serviceAccountName, serviceAccount, automountServiceAccountToken }
  return withSpec(pod, { ...defined(kept), ...defined(asRecord(pod.spec)) })
}

function withSpec(pod: Document, fields: Readonly<Record<string, unknown>>): Document {
  return { ...pod, spec: { ...asRecord(pod.spec), ...fields } }
}

function given(name: unknown): string | undefined {
  return typeof name === 'string' && name !== '' ? name : undefined
}

function defined(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''))
}
