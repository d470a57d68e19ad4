/** Makes whole routing files of the pieces that the guide shows. */
import { parse } from 'yaml'

import type { TestCertificate } from './certificates.ts'

type Fields = Readonly<Record<string, unknown>>

/** Where a piece without a place of its own stands. */
export type Place = (typeof PLACES)[number]

const PLACES = ['listeners[]', 'routes[]', 'routes[].policy', 'clusters[]'] as const

export function isPlace(text: string): text is Place {
  return PLACES.some((place) => place === text)
}

/** Stands in the guide for a certificate or a key. */
const PLACEHOLDER = '…PEM…'

const PARTS = ['listeners', 'tcpListeners', 'routeTables', 'clusters', 'locality']

/** The text of a routing file with the piece in it, and with everything that the piece refers to. */
export function wholeFile(piece: string, place: Place | undefined, tls: TestCertificate): string {
  const file = placed(parse(piece), place)
  return JSON.stringify({ ...file, clusters: withMissing(file) }, (name, value: unknown) =>
    value === PLACEHOLDER ? pemFor(name, tls) : value,
  )
}

function placed(value: unknown, place: Place | undefined): Fields {
  if (Array.isArray(value)) return inRoutes(value)
  const fields = fieldsOf(value)
  if (place === 'listeners[]') return { ...inRoutes([forward()]), listeners: [{ port: 8080, ...fields }] }
  if (place === 'routes[]') return inRoutes([{ ...forward(), ...fields }])
  if (place === 'routes[].policy') return inRoutes([{ ...forward(), policy: fields }])
  if (place === 'clusters[]') return { ...inRoutes([forward()]), clusters: [{ ...cluster('v2'), ...fields }] }
  if (Object.keys(fields).every((name) => PARTS.includes(name))) return { ...inRoutes([forward()]), ...fields }
  if ('policy' in fields) return inRoutes([{ ...forward(), ...fields }])
  return { ...inRoutes([forward()]), listeners: [{ port: 8080, ...fields }] }
}

function inRoutes(routes: readonly unknown[]): Fields {
  return { listeners: [{ port: 8080 }], routeTables: [{ virtualHosts: [{ domains: ['*'], routes }] }] }
}

function forward(): Fields {
  return { action: { destinations: [{ cluster: 'v1' }] } }
}

function cluster(name: string): Fields {
  return { name, endpoints: ['127.0.0.1:9001'] }
}

/** The clusters of the file, and those that it names and has not. */
function withMissing(file: Fields): readonly unknown[] {
  const own = Array.isArray(file['clusters']) ? file['clusters'] : []
  const names = new Set(own.map((item) => fieldsOf(item)['name']))
  return [...own, ...[...named(file)].filter((name) => !names.has(name)).map(cluster)]
}

function named(value: unknown, key = ''): Set<string> {
  if (typeof value === 'string') return new Set(key === 'cluster' || key === 'fallback' ? [value] : [])
  if (typeof value !== 'object' || value === null) return new Set()
  return new Set(Object.entries(value).flatMap(([name, inner]) => [...named(inner, name)]))
}

function pemFor(name: string, tls: TestCertificate): string {
  return name === 'privateKey' ? tls.privateKey : tls.certificate
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
