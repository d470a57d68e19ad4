/** What a projected volume is put together from. */
import { labelSelector } from '../metadata.ts'
import { downwardAPIVolumeFile, keyToPath } from './selectors.ts'
import { localObjectReference } from '../references.ts'
import { core } from '../published.ts'
import { array, boolean, explicit, int32, int64, map, optional, required, string, within } from '../schema.ts'

const secretProjection = core('SecretProjection', {
  ...within(1, localObjectReference.fields),
  items: optional(array(keyToPath), 2),
  optional: explicit(boolean, 4),
})

const configMapProjection = core('ConfigMapProjection', {
  ...within(1, localObjectReference.fields),
  items: optional(array(keyToPath), 2),
  optional: explicit(boolean, 4),
})

const downwardAPIProjection = core('DownwardAPIProjection', {
  items: optional(array(downwardAPIVolumeFile), 1),
})

const serviceAccountTokenProjection = core('ServiceAccountTokenProjection', {
  audience: optional(string, 1),
  expirationSeconds: explicit(int64, 2),
  path: required(string, 3),
})

const clusterTrustBundleProjection = core('ClusterTrustBundleProjection', {
  name: explicit(string, 1),
  signerName: explicit(string, 2),
  labelSelector: optional(labelSelector, 3),
  optional: explicit(boolean, 5),
  path: required(string, 4),
})

const podCertificateProjection = core('PodCertificateProjection', {
  signerName: required(string, 1),
  keyType: required(string, 2),
  maxExpirationSeconds: explicit(int32, 3),
  credentialBundlePath: optional(string, 4),
  keyPath: optional(string, 5),
  certificateChainPath: optional(string, 6),
  userAnnotations: optional(map(string), 7),
})

export const volumeProjection = core('VolumeProjection', {
  secret: optional(secretProjection, 1),
  downwardAPI: optional(downwardAPIProjection, 2),
  configMap: optional(configMapProjection, 3),
  serviceAccountToken: optional(serviceAccountTokenProjection, 4),
  clusterTrustBundle: optional(clusterTrustBundleProjection, 5),
  podCertificate: optional(podCertificateProjection, 6),
})
