import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PeerSilence } from './peer-silence.ts'

test('who is silent for half a minute while requests are under way is asked, and is dead ten seconds later', () => {
  const silence = new PeerSilence(0)
  assert.equal(silence.check(29_999, true), 'fine')
  assert.equal(silence.check(30_000, true), 'ping')
  assert.equal(silence.check(39_999, true), 'fine')
  assert.equal(silence.check(40_000, true), 'dead')
})

test('without requests nobody is asked', () => {
  const silence = new PeerSilence(0)
  assert.equal(silence.check(100_000, false), 'fine')
  assert.equal(silence.check(129_999, true), 'fine')
  assert.equal(silence.check(130_000, true), 'ping')
})

test('whoever answers, or sends anything else, is alive', () => {
  const silence = new PeerSilence(0)
  assert.equal(silence.check(30_000, true), 'ping')
  silence.onPong()
  assert.equal(silence.check(40_000, true), 'fine')
  const other = new PeerSilence(0)
  assert.equal(other.check(30_000, true), 'ping')
  other.onReceived()
  assert.equal(other.check(40_000, true), 'fine')
  assert.equal(other.check(70_000, true), 'ping')
})

test('who answers pings and nothing else is asked every five minutes only', () => {
  const silence = new PeerSilence(0)
  assert.equal(silence.check(30_000, true), 'ping')
  silence.onPong()
  assert.equal(silence.check(329_999, true), 'fine')
  assert.equal(silence.check(330_000, true), 'ping')
})
