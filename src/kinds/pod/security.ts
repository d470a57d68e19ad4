/** Security settings of pods and containers. */
import { core } from '../published.ts'
import { array, boolean, explicit, int64, oneOf, optional, required, string } from '../schema.ts'

const seLinuxOptions = core('SELinuxOptions', {
  user: optional(string, 1),
  role: optional(string, 2),
  type: optional(string, 3),
  level: optional(string, 4),
})

const windowsSecurityContextOptions = core('WindowsSecurityContextOptions', {
  gmsaCredentialSpecName: explicit(string, 1),
  gmsaCredentialSpec: explicit(string, 2),
  runAsUserName: explicit(string, 3),
  hostProcess: explicit(boolean, 4),
})

const seccompProfile = core('SeccompProfile', {
  type: required(oneOf('Unconfined', 'RuntimeDefault', 'Localhost'), 1),
  localhostProfile: explicit(string, 2),
})

const appArmorProfile = core('AppArmorProfile', {
  type: required(oneOf('Unconfined', 'RuntimeDefault', 'Localhost'), 1),
  localhostProfile: explicit(string, 2),
})

const capabilities = core('Capabilities', {
  add: optional(array(string), 1),
  drop: optional(array(string), 2),
})

export const securityContext = core('SecurityContext', {
  capabilities: optional(capabilities, 1),
  privileged: explicit(boolean, 2),
  seLinuxOptions: optional(seLinuxOptions, 3),
  windowsOptions: optional(windowsSecurityContextOptions, 10),
  runAsUser: explicit(int64, 4),
  runAsGroup: explicit(int64, 8),
  runAsNonRoot: explicit(boolean, 5),
  readOnlyRootFilesystem: explicit(boolean, 6),
  allowPrivilegeEscalation: explicit(boolean, 7),
  procMount: explicit(oneOf('Default', 'Unmasked'), 9),
  seccompProfile: optional(seccompProfile, 11),
  appArmorProfile: optional(appArmorProfile, 12),
})

const sysctl = core('Sysctl', {
  name: required(string, 1),
  value: required(string, 2),
})

export const podSecurityContext = core('PodSecurityContext', {
  seLinuxOptions: optional(seLinuxOptions, 1),
  windowsOptions: optional(windowsSecurityContextOptions, 8),
  runAsUser: explicit(int64, 2),
  runAsGroup: explicit(int64, 6),
  runAsNonRoot: explicit(boolean, 3),
  supplementalGroups: optional(array(int64), 4),
  supplementalGroupsPolicy: explicit(oneOf('Merge', 'Strict'), 12),
  fsGroup: explicit(int64, 5),
  sysctls: optional(array(sysctl), 7),
  fsGroupChangePolicy: explicit(oneOf('OnRootMismatch', 'Always'), 9),
  seccompProfile: optional(seccompProfile, 10),
  appArmorProfile: optional(appArmorProfile, 11),
  seLinuxChangePolicy: explicit(oneOf('Recursive', 'MountOption'), 13),
})
