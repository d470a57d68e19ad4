/** Run by a test as a process of its own: writes objects and says which are acknowledged, until it is killed. */
import { lockDataDir } from '../data-dir-lock.ts'
import { systemClock } from '../../base/clock.ts'
import { objectKey } from '../../kube/object.ts'
import { LogDatabase } from '../storage/log-database.ts'
import { Store } from '../storage/store.ts'
import { writeSync } from 'node:fs'
import { join } from 'node:path'

const [dataDir = ''] = process.argv.slice(2)
const WRITERS = 4

lockDataDir(dataDir)
const store = new Store({
  database: new LogDatabase(join(dataDir, 'state.db')),
  clock: systemClock,
  onFatal: (error) => {
    throw error
  },
})

async function writeForever(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const name = `w${writer}-${count % 50}`
    const object = { apiVersion: 'v1', kind: 'Note', metadata: { name }, count }
    const { version } = await store.put('notes', objectKey('default', name), object)
    writeSync(1, `${name} ${version}\n`)
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeForever(writer)))
