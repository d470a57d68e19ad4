/** Volume sources of particular storage systems; most are retired upstream but still part of the published API. */
import { localObjectReference } from '../references.ts'
import { core } from '../published.ts'
import { array, boolean, explicit, int32, map, oneOf, optional, required, string } from '../schema.ts'

export const gcePersistentDiskVolumeSource = core('GCEPersistentDiskVolumeSource', {
  pdName: required(string, 1),
  fsType: optional(string, 2),
  partition: optional(int32, 3),
  readOnly: optional(boolean, 4),
})

export const awsElasticBlockStoreVolumeSource = core('AWSElasticBlockStoreVolumeSource', {
  volumeID: required(string, 1),
  fsType: optional(string, 2),
  partition: optional(int32, 3),
  readOnly: optional(boolean, 4),
})

export const nfsVolumeSource = core('NFSVolumeSource', {
  server: required(string, 1),
  path: required(string, 2),
  readOnly: optional(boolean, 3),
})

export const iscsiVolumeSource = core('ISCSIVolumeSource', {
  targetPortal: required(string, 1),
  iqn: required(string, 2),
  lun: required(int32, 3),
  iscsiInterface: optional(string, 4),
  fsType: optional(string, 5),
  readOnly: optional(boolean, 6),
  portals: optional(array(string), 7),
  chapAuthDiscovery: optional(boolean, 8),
  chapAuthSession: optional(boolean, 11),
  secretRef: optional(localObjectReference, 10),
  initiatorName: explicit(string, 12),
})

export const glusterfsVolumeSource = core('GlusterfsVolumeSource', {
  endpoints: required(string, 1),
  path: required(string, 2),
  readOnly: optional(boolean, 3),
})

export const rbdVolumeSource = core('RBDVolumeSource', {
  monitors: required(array(string), 1),
  image: required(string, 2),
  fsType: optional(string, 3),
  pool: optional(string, 4),
  user: optional(string, 5),
  keyring: optional(string, 6),
  secretRef: optional(localObjectReference, 7),
  readOnly: optional(boolean, 8),
})

export const flexVolumeSource = core('FlexVolumeSource', {
  driver: required(string, 1),
  fsType: optional(string, 2),
  secretRef: optional(localObjectReference, 3),
  readOnly: optional(boolean, 4),
  options: optional(map(string), 5),
})

export const cinderVolumeSource = core('CinderVolumeSource', {
  volumeID: required(string, 1),
  fsType: optional(string, 2),
  readOnly: optional(boolean, 3),
  secretRef: optional(localObjectReference, 4),
})

export const cephFSVolumeSource = core('CephFSVolumeSource', {
  monitors: required(array(string), 1),
  path: optional(string, 2),
  user: optional(string, 3),
  secretFile: optional(string, 4),
  secretRef: optional(localObjectReference, 5),
  readOnly: optional(boolean, 6),
})

export const flockerVolumeSource = core('FlockerVolumeSource', {
  datasetName: optional(string, 1),
  datasetUUID: optional(string, 2),
})

export const fcVolumeSource = core('FCVolumeSource', {
  targetWWNs: optional(array(string), 1),
  lun: explicit(int32, 2),
  fsType: optional(string, 3),
  readOnly: optional(boolean, 4),
  wwids: optional(array(string), 5),
})

export const azureFileVolumeSource = core('AzureFileVolumeSource', {
  secretName: required(string, 1),
  shareName: required(string, 2),
  readOnly: optional(boolean, 3),
})

export const azureDiskVolumeSource = core('AzureDiskVolumeSource', {
  diskName: required(string, 1),
  diskURI: required(string, 2),
  cachingMode: explicit(oneOf('None', 'ReadOnly', 'ReadWrite'), 3),
  fsType: explicit(string, 4),
  readOnly: explicit(boolean, 5),
  kind: explicit(oneOf('Shared', 'Dedicated', 'Managed'), 6),
})

export const vsphereVirtualDiskVolumeSource = core('VsphereVirtualDiskVolumeSource', {
  volumePath: required(string, 1),
  fsType: optional(string, 2),
  storagePolicyName: optional(string, 3),
  storagePolicyID: optional(string, 4),
})

export const quobyteVolumeSource = core('QuobyteVolumeSource', {
  registry: required(string, 1),
  volume: required(string, 2),
  readOnly: optional(boolean, 3),
  user: optional(string, 4),
  group: optional(string, 5),
  tenant: optional(string, 6),
})

export const photonPersistentDiskVolumeSource = core('PhotonPersistentDiskVolumeSource', {
  pdID: required(string, 1),
  fsType: optional(string, 2),
})

export const portworxVolumeSource = core('PortworxVolumeSource', {
  volumeID: required(string, 1),
  fsType: optional(string, 2),
  readOnly: optional(boolean, 3),
})

export const scaleIOVolumeSource = core('ScaleIOVolumeSource', {
  gateway: required(string, 1),
  system: required(string, 2),
  secretRef: required(localObjectReference, 3),
  sslEnabled: optional(boolean, 4),
  protectionDomain: optional(string, 5),
  storagePool: optional(string, 6),
  storageMode: optional(string, 7),
  volumeName: optional(string, 8),
  fsType: optional(string, 9),
  readOnly: optional(boolean, 10),
})

export const storageOSVolumeSource = core('StorageOSVolumeSource', {
  volumeName: optional(string, 1),
  volumeNamespace: optional(string, 2),
  fsType: optional(string, 3),
  readOnly: optional(boolean, 4),
  secretRef: optional(localObjectReference, 5),
})
