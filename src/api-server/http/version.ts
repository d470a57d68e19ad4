/** `/version`: what clients compare their own version with. */

export interface VersionInfo {
  /** Kubernetes version whose API this is like: kubectl warns when it is far from its own. */
  readonly kubernetes: string
  readonly product: string
}

export function versionDocument({ kubernetes, product }: VersionInfo): Readonly<Record<string, string>> {
  const [major = '1', minor = '0'] = kubernetes.replace(/^v/, '').split('.')
  return {
    major,
    minor,
    gitVersion: `v${kubernetes.replace(/^v/, '')}+sluice-${product}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '',
    goVersion: '',
    compiler: 'node',
    platform: `${process.platform}/${process.arch}`,
  }
}
