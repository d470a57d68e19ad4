import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatImage, imageFit, parseImage } from './reference.ts'
import type { ImageReference } from './reference.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

function parsed(text: string): ImageReference {
  const reference = parseImage(text)
  assert.ok(reference !== undefined, `${text} should be an image name`)
  return reference
}

test('what Docker leaves out is filled in', () => {
  const full = (text: string): string => formatImage(parsed(text))
  assert.equal(full('nginx'), 'docker.io/library/nginx:latest')
  assert.equal(full('docker.io/nginx:1.25'), 'docker.io/library/nginx:1.25')
  assert.equal(full('index.docker.io/hashicorp/http-echo'), 'docker.io/hashicorp/http-echo:latest')
  assert.equal(full('hashicorp/http-echo:0.2.3'), 'docker.io/hashicorp/http-echo:0.2.3')
  assert.equal(full('localhost/app'), 'localhost/app:latest')
  assert.equal(full('registry.example.com:5000/team/app:v1'), 'registry.example.com:5000/team/app:v1')
  assert.equal(full(`nginx:1.25@${DIGEST}`), `docker.io/library/nginx:1.25@${DIGEST}`)
})

test('what is no image name is refused', () => {
  for (const text of ['', 'Nginx', 'nginx:', 'nginx@sha256:short', 'a b', '/nginx', 'nginx:ta g', 'http://nginx']) {
    assert.equal(parseImage(text), undefined, text)
  }
})

test('an entry without tag stands for every version, one with a tag or digest only for that', () => {
  const fit = (entry: string, image: string): number | undefined => imageFit(parsed(entry), parsed(image))
  assert.equal(fit('nginx', 'docker.io/library/nginx:1.25'), 0)
  assert.equal(fit('nginx', `nginx@${DIGEST}`), 0)
  assert.equal(fit('nginx:1.25', 'nginx:1.25'), 1)
  assert.equal(fit('nginx:latest', 'nginx'), 1)
  assert.equal(fit('nginx:1.25', 'nginx:1.26'), undefined)
  assert.equal(fit('nginx:latest', `nginx@${DIGEST}`), undefined)
  assert.equal(fit(`nginx@${DIGEST}`, `nginx:1@${DIGEST}`), 2)
  assert.equal(fit('nginx', 'example.com/library/nginx'), undefined)
})
