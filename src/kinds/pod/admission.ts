/** A pod on its way in: it runs as the service account `default` where it names none, and gets no token of any. */
import type { Admission } from '../admission.ts'
import type { Pod, PodSpec } from './types.ts'

const DEFAULT_ACCOUNT = 'default'

export const podAdmission: Admission<Pod> = { create: admitNewPod, update: admitPod }

/**
 * What the pod leaves out is said: no token is mounted, whatever the account. A pod that asks for one keeps its word, and is
 * warned about it.
 */
function admitNewPod(pod: Pod): Pod {
  const { serviceAccountName, serviceAccount, automountServiceAccountToken = false } = pod.spec
  const name = given(serviceAccountName) ?? given(serviceAccount) ?? DEFAULT_ACCOUNT
  return withSpec(pod, { serviceAccountName: name, serviceAccount: name, automountServiceAccountToken })
}

/** An update that leaves the account out keeps it. */
function admitPod(pod: Pod, old: Pod): Pod {
  const { serviceAccountName, serviceAccount, automountServiceAccountToken } = old.spec
  const kept = { serviceAccountName, serviceAccount, automountServiceAccountToken }
  return withSpec(pod, { ...defined(kept), ...defined(pod.spec) })
}

function withSpec(pod: Pod, fields: Partial<PodSpec>): Pod {
  return { ...pod, spec: { ...pod.spec, ...fields } }
}

function given(name: string | undefined): string | undefined {
  return name === '' ? undefined : name
}

function defined(fields: { readonly [K in keyof PodSpec]?: PodSpec[K] | undefined }): Partial<PodSpec> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''))
}
