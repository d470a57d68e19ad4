import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { createHttpClient } from './http-client.ts'
import { startInformer } from './informer.ts'
import type { Informer } from './informer.ts'
import { createInformers } from './informers.ts'
import { objectKey } from './object.ts'
import type { KubeObject, ResourceType } from './object.ts'

interface Widget extends KubeObject {
  readonly spec?: { readonly colour: string }
}
const widgets: ResourceType<Widget> = {
  group: 'example.dev',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}

/** One kind behind HTTP: what a list and a watch of a real server answer, with the switches a test needs. */
class WidgetServer {
  readonly requests: string[] = []
  readonly #objects = new Map<string, Widget>()
  readonly #log: { readonly version: number; readonly line: string }[] = []
  readonly #streams = new Set<ServerResponse>()
  #version = 10
  #oldest = 0

  handle(url: string, response: ServerResponse): void {
    this.requests.push(url)
    const query = new URL(url, 'http://x').searchParams
    if (query.get('watch') !== 'true') {
      const metadata = { resourceVersion: String(this.#version) }
      response.end(JSON.stringify({ metadata, items: [...this.#objects.values()] }))
      return
    }
    const from = Number(query.get('resourceVersion'))
    response.flushHeaders()
    if (from < this.#oldest) {
      response.end(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }))
      return
    }
    for (const entry of this.#log) if (entry.version > from) response.write(entry.line)
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }

  put(name: string, colour: string): void {
    const type = this.#objects.has(name) ? 'MODIFIED' : 'ADDED'
    this.#objects.set(name, this.#next(name, colour))
    this.#send(line(type, this.#objects.get(name)))
  }

  remove(name: string): void {
    this.#objects.delete(name)
    this.#send(line('DELETED', this.#next(name, 'gone')))
  }

  bookmark(): void {
    this.#version += 1
    this.#send(line('BOOKMARK', { metadata: { resourceVersion: String(this.#version) } }))
  }

  /** Forgets every event: watches from before get 410. */
  forget(): void {
    this.#oldest = this.#version
    this.#log.length = 0
  }

  /** Breaks all watches without a word. */
  breakWatches(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  get watching(): number {
    return this.#streams.size
  }

  #next(name: string, colour: string): Widget {
    this.#version += 1
    const metadata = { namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: String(this.#version) }
    return { apiVersion: 'example.dev/v1', kind: 'Widget', metadata, spec: { colour } }
  }

  #send(text: string): void {
    this.#log.push({ version: this.#version, line: text })
    for (const stream of this.#streams) stream.write(text)
  }
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`
}

async function setUp(t: TestContext) {
  const world = new WidgetServer()
  const server = createServer((request, response) => world.handle(request.url ?? '', response))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const client = createHttpClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const stop = new AbortController()
  const deps = { clock: systemClock, random: seededRandom(1), log: silentLog, signal: stop.signal }
  t.after(() => {
    stop.abort()
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { world, client, deps, stop }
}

/** Resolves as soon as the cache holds what `predicate` wants. */
function until<T extends KubeObject>(informer: Informer<T>, predicate: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (predicate()) resolve()
    }
    informer.onChange(() => queueMicrotask(check))
    check()
  })
}

const names = (informer: Informer<Widget>): string[] =>
  informer
    .list()
    .map((object) => object.metadata.name ?? '')
    .toSorted()

const a = objectKey('shop', 'a')

test('an informer holds what is there and follows changes', async (t) => {
  const { world, client, deps } = await setUp(t)
  world.put('a', 'red')
  const informer = startInformer(client, widgets, deps)
  await informer.synced
  assert.equal(informer.get(a)?.spec?.colour, 'red')
  world.put('a', 'blue')
  world.put('b', 'green')
  await until(informer, () => informer.list().length === 2)
  assert.equal(informer.get(a)?.spec?.colour, 'blue')
  world.remove('a')
  await until(informer, () => informer.get(a) === undefined)
  assert.deepEqual(names(informer), ['b'])
})

test('indexes are filed again when an object changes or goes', async (t) => {
  const { world, client, deps } = await setUp(t)
  world.put('a', 'red')
  const informer = startInformer(client, widgets, deps)
  informer.addIndex('colour', (widget) => [widget.spec?.colour ?? ''])
  await informer.synced
  assert.equal(informer.by('colour', 'red').length, 1)
  world.put('a', 'blue')
  await until(informer, () => informer.by('colour', 'blue').length === 1)
  assert.equal(informer.by('colour', 'red').length, 0)
  assert.throws(() => informer.by('size', 'xl'), /Cannot look up by "size"/)
})

test('a watch that breaks goes on where it was, without a new list', async (t) => {
  const { world, client, deps } = await setUp(t)
  const informer = startInformer(client, widgets, deps)
  await informer.synced
  world.put('a', 'red')
  await until(informer, () => informer.list().length === 1)
  world.breakWatches()
  world.put('b', 'green')
  await until(informer, () => informer.list().length === 2)
  assert.equal(world.requests.filter((url) => !url.includes('watch=true')).length, 1)
})

test('a bookmark moves the place where the next watch starts', async (t) => {
  const { world, client, deps } = await setUp(t)
  const informer = startInformer(client, widgets, deps)
  await informer.synced
  world.put('a', 'red')
  await until(informer, () => informer.list().length === 1)
  world.bookmark()
  world.put('b', 'red')
  await until(informer, () => informer.list().length === 2)
  world.forget()
  world.breakWatches()
  world.put('c', 'red')
  await until(informer, () => informer.list().length === 3)
  assert.match(world.requests.at(-1) ?? '', /resourceVersion=13/)
})

test('after 410 a new list finds what changed and what is gone meanwhile', async (t) => {
  const { world, client, deps } = await setUp(t)
  world.put('a', 'red')
  world.put('b', 'red')
  const informer = startInformer(client, widgets, deps)
  const seen: string[] = []
  await informer.synced
  informer.onChange((change) => {
    seen.push(`${change.old?.metadata.name ?? '-'} ${change.new?.metadata.name ?? '-'}`)
  })
  await until(informer, () => informer.list().length === 2)
  world.breakWatches()
  world.remove('a')
  world.put('c', 'red')
  world.bookmark()
  world.forget()
  await until(informer, () => informer.get(a) === undefined && informer.list().length === 2)
  assert.deepEqual(names(informer), ['b', 'c'])
  assert.deepEqual(seen.toSorted(), ['- a', '- b', '- c', 'a -'])
})

test('a late listener is told of everything that is there', async (t) => {
  const { world, client, deps } = await setUp(t)
  world.put('a', 'red')
  const informer = startInformer(client, widgets, deps)
  await informer.synced
  const seen: (string | undefined)[] = []
  informer.onChange((change) => seen.push(change.new?.metadata.name))
  assert.deepEqual(seen, ['a'])
})

test('a listener that throws does not stop the informer', async (t) => {
  const { world, client, deps } = await setUp(t)
  const informer = startInformer(client, widgets, deps)
  informer.onChange(() => {
    throw new Error('bug')
  })
  await informer.synced
  world.put('a', 'red')
  await until(informer, () => informer.get(a) !== undefined)
})

test('an informer that is stopped before its first list says so', async (t) => {
  const { client, deps, stop } = await setUp(t)
  const informer = startInformer(client, widgets, deps)
  stop.abort()
  await assert.rejects(informer.synced, { name: 'AbortError' })
  await informer.closed
})

test('one process watches a kind once', async (t) => {
  const { world, client, deps, stop } = await setUp(t)
  const informers = createInformers(client, deps)
  assert.equal(informers.of(widgets), informers.of(widgets))
  await informers.of(widgets).synced
  world.put('a', 'red')
  await until(informers.of(widgets), () => informers.of(widgets).list().length === 1)
  assert.equal(world.watching, 1)
  stop.abort()
  await informers.closed()
})
