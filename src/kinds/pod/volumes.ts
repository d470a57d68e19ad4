/** Volumes of a pod. */
import { labelSelector, objectMeta } from '../metadata.ts'
import {
  awsElasticBlockStoreVolumeSource,
  azureDiskVolumeSource,
  azureFileVolumeSource,
  cephFSVolumeSource,
  cinderVolumeSource,
  fcVolumeSource,
  flexVolumeSource,
  flockerVolumeSource,
  gcePersistentDiskVolumeSource,
  glusterfsVolumeSource,
  iscsiVolumeSource,
  nfsVolumeSource,
  photonPersistentDiskVolumeSource,
  portworxVolumeSource,
  quobyteVolumeSource,
  rbdVolumeSource,
  scaleIOVolumeSource,
  storageOSVolumeSource,
  vsphereVirtualDiskVolumeSource,
} from './disks.ts'
import { volumeProjection } from './projections.ts'
import { volumeResourceRequirements } from './resources.ts'
import { downwardAPIVolumeFile, keyToPath } from './selectors.ts'
import { localObjectReference, typedLocalObjectReference, typedObjectReference } from '../references.ts'
import { core } from '../published.ts'
import { array, boolean, explicit, int32, map, oneOf, optional, quantity, required, string, within } from '../schema.ts'

const hostPathVolumeSource = core('HostPathVolumeSource', {
  path: required(string, 1),
  type: explicit(string, 2),
})

const emptyDirVolumeSource = core('EmptyDirVolumeSource', {
  medium: optional(string, 1),
  sizeLimit: optional(quantity, 2),
})

const gitRepoVolumeSource = core('GitRepoVolumeSource', {
  repository: required(string, 1),
  revision: optional(string, 2),
  directory: optional(string, 3),
})

const secretVolumeSource = core('SecretVolumeSource', {
  secretName: optional(string, 1),
  items: optional(array(keyToPath), 2),
  defaultMode: explicit(int32, 3),
  optional: explicit(boolean, 4),
})

const configMapVolumeSource = core('ConfigMapVolumeSource', {
  ...within(1, localObjectReference.fields),
  items: optional(array(keyToPath), 2),
  defaultMode: explicit(int32, 3),
  optional: explicit(boolean, 4),
})

const downwardAPIVolumeSource = core('DownwardAPIVolumeSource', {
  items: optional(array(downwardAPIVolumeFile), 1),
  defaultMode: explicit(int32, 2),
})

const persistentVolumeClaimVolumeSource = core('PersistentVolumeClaimVolumeSource', {
  claimName: required(string, 1),
  readOnly: optional(boolean, 2),
})

const projectedVolumeSource = core('ProjectedVolumeSource', {
  sources: optional(array(volumeProjection), 1),
  defaultMode: explicit(int32, 2),
})

const csiVolumeSource = core('CSIVolumeSource', {
  driver: required(string, 1),
  readOnly: explicit(boolean, 2),
  fsType: explicit(string, 3),
  volumeAttributes: optional(map(string), 4),
  nodePublishSecretRef: optional(localObjectReference, 5),
})

const persistentVolumeClaimSpec = core('PersistentVolumeClaimSpec', {
  accessModes: optional(array(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod')), 1),
  selector: optional(labelSelector, 4),
  resources: optional(volumeResourceRequirements, 2),
  volumeName: optional(string, 3),
  storageClassName: explicit(string, 5),
  volumeMode: explicit(oneOf('Block', 'Filesystem'), 6),
  dataSource: optional(typedLocalObjectReference, 7),
  dataSourceRef: optional(typedObjectReference, 8),
  volumeAttributesClassName: explicit(string, 9),
})

const persistentVolumeClaimTemplate = core('PersistentVolumeClaimTemplate', {
  metadata: optional(objectMeta, 1),
  spec: required(persistentVolumeClaimSpec, 2),
})

const ephemeralVolumeSource = core('EphemeralVolumeSource', {
  volumeClaimTemplate: optional(persistentVolumeClaimTemplate, 1),
})

const imageVolumeSource = core('ImageVolumeSource', {
  reference: optional(string, 1),
  pullPolicy: optional(oneOf('Always', 'Never', 'IfNotPresent'), 2),
})

const volumeSource = core('VolumeSource', {
  hostPath: optional(hostPathVolumeSource, 1),
  emptyDir: optional(emptyDirVolumeSource, 2),
  gcePersistentDisk: optional(gcePersistentDiskVolumeSource, 3),
  awsElasticBlockStore: optional(awsElasticBlockStoreVolumeSource, 4),
  gitRepo: optional(gitRepoVolumeSource, 5),
  secret: optional(secretVolumeSource, 6),
  nfs: optional(nfsVolumeSource, 7),
  iscsi: optional(iscsiVolumeSource, 8),
  glusterfs: optional(glusterfsVolumeSource, 9),
  persistentVolumeClaim: optional(persistentVolumeClaimVolumeSource, 10),
  rbd: optional(rbdVolumeSource, 11),
  flexVolume: optional(flexVolumeSource, 12),
  cinder: optional(cinderVolumeSource, 13),
  cephfs: optional(cephFSVolumeSource, 14),
  flocker: optional(flockerVolumeSource, 15),
  downwardAPI: optional(downwardAPIVolumeSource, 16),
  fc: optional(fcVolumeSource, 17),
  azureFile: optional(azureFileVolumeSource, 18),
  configMap: optional(configMapVolumeSource, 19),
  vsphereVolume: optional(vsphereVirtualDiskVolumeSource, 20),
  quobyte: optional(quobyteVolumeSource, 21),
  azureDisk: optional(azureDiskVolumeSource, 22),
  photonPersistentDisk: optional(photonPersistentDiskVolumeSource, 23),
  projected: optional(projectedVolumeSource, 26),
  portworxVolume: optional(portworxVolumeSource, 24),
  scaleIO: optional(scaleIOVolumeSource, 25),
  storageos: optional(storageOSVolumeSource, 27),
  csi: optional(csiVolumeSource, 28),
  ephemeral: optional(ephemeralVolumeSource, 29),
  image: optional(imageVolumeSource, 30),
})

export const volume = core(
  'Volume',
  {
    name: required(string, 1),
    ...within(2, volumeSource.fields),
  },
  { retainKeys: true },
)
