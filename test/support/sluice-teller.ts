/** Tells the story with the product's own command line. */
import assert from 'node:assert/strict'
import { deployments } from '../../src/kinds/deployment.ts'
import { virtualServices } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import { objectKey } from '../../src/kube/object.ts'
import { run, sluiceCommand } from './sluice.ts'
import type { Finished, RunningSluice } from './sluice.ts'
import type { Teller } from './story.ts'
import { clientOf, currentCondition, untilObject } from './world.ts'

export const ECHO_ROUTES = { type: virtualServices, key: objectKey('gloo-system', 'echo') }

export async function sluiceTeller(sluice: RunningSluice): Promise<Omit<Teller, 'alone'>> {
  const client = await clientOf(sluice)
  return {
    gateway: sluice.ready.gateway,
    apply: async (file) => lines(await run(sluiceCommand(sluice, 'apply', '-f', file))),
    untilProgrammed: async () => {
      await untilObject(client, ECHO_ROUTES, (object) => currentCondition(object, 'Programmed')?.status === 'True')
    },
    untilAvailable: async (name) => {
      await untilObject(client, { type: deployments, key: objectKey('echo', name) }, (object) => {
        return (object?.status?.availableReplicas ?? 0) >= (object?.spec.replicas ?? 1)
      })
    },
    deleteDeployment: async (name) => {
      lines(await run(sluiceCommand(sluice, 'delete', 'deploy', '-n', 'echo', name)))
    },
  }
}

/** What a command that must succeed printed. */
export function lines({ code, stdout, stderr }: Finished): string[] {
  assert.equal(code, 0, stderr)
  return stdout.trimEnd().split('\n')
}
