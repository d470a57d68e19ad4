/** The file that points kubectl at this server. */
import { stringify } from 'yaml'

const NAME = 'sluice'

export function kubeconfigText(access: {
  readonly server: string
  readonly ca: string
  readonly token: string
}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': NAME,
    clusters: [
      {
        name: NAME,
        cluster: {
          server: access.server,
          'certificate-authority-data': Buffer.from(access.ca).toString('base64'),
        },
      },
    ],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME, namespace: 'default' } }],
    users: [{ name: NAME, user: { token: access.token } }],
  })
}
