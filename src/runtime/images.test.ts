import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openImageCatalogue } from './images.ts'
import type { ImageCatalogue, ImageCommand } from './images.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-images-'))
const file = join(directory, 'images.yaml')
after(() => rmSync(directory, { recursive: true }))

function found(catalogue: ImageCatalogue, image: string): ImageCommand {
  const lookup = catalogue.lookup(image)
  assert.ok(lookup.kind === 'found', `${image} is ${lookup.kind}`)
  return lookup.command
}

test('the shipped catalogue maps http-echo to a program beside it', () => {
  const catalogue = openImageCatalogue({ files: [], cacheDir: '/cache' })
  const { entrypoint, env, programs, image } = found(catalogue, 'hashicorp/http-echo:0.2.3')
  assert.equal(entrypoint[0], process.execPath)
  assert.match(entrypoint[1] ?? '', /examples\/apps\/http-echo\.ts$/)
  assert.deepEqual(programs['/http-echo'], entrypoint)
  assert.equal(env['NODE_COMPILE_CACHE'], '/cache/node')
  assert.equal(image, 'docker.io/hashicorp/http-echo:0.2.3')
})

test('the user’s entries win, and are read again when the file changes', () => {
  const catalogue = openImageCatalogue({ files: [file], cacheDir: '/cache' })
  assert.equal(catalogue.lookup('team/app').kind, 'unknown')
  writeFileSync(file, 'images:\n  - { image: team/app, entrypoint: [$(DIR)/app, --port, $(PORT)] }\n')
  assert.deepEqual(found(catalogue, 'team/app:v7').entrypoint, [`${directory}/app`, '--port', '$(PORT)'])
  writeFileSync(file, 'images:\n  - { image: hashicorp/http-echo, entrypoint: [mine] }\n')
  utimesSync(file, 1, 1)
  assert.deepEqual(found(catalogue, 'hashicorp/http-echo').entrypoint, ['mine'])
  assert.equal(catalogue.lookup('team/app').kind, 'unknown')
})

test('a broken catalogue is reported and its last good content stays', () => {
  const errors: string[] = []
  const catalogue = openImageCatalogue({
    files: [file],
    cacheDir: '/cache',
    onError: ({ message }) => errors.push(message),
  })
  writeFileSync(file, 'images:\n  - { image: team/app, entrypoint: [one] }\n')
  found(catalogue, 'team/app')
  for (const text of ['images: 7\n', 'images: [{ image: team/app, entry: [x] }]\n', 'images:\n  - }\n']) {
    writeFileSync(file, text)
    assert.deepEqual(found(catalogue, 'team/app').entrypoint, ['one'])
  }
  assert.equal(errors.length, 3)
  assert.match(errors[1] ?? '', /^Cannot read the image catalogue ".*images\.yaml": images\[0\]\.entry: unknown field/)
})

test('the message about an unknown image says how to map it', () => {
  const lookup = openImageCatalogue({ files: [file], cacheDir: '/cache' }).lookup('quay.io/x/y:1')
  assert.ok(
    lookup.kind === 'unknown' && lookup.message.includes(file) && lookup.message.includes('image: quay.io/x/y:1'),
  )
  assert.equal(openImageCatalogue({ files: [], cacheDir: '' }).lookup('NOT AN IMAGE').kind, 'invalid-name')
})
