/**
 * The durable side of the store: the objects as they are, and the events that made them so, in one SQLite file.
 * SQLite is only a log: reads are served from memory, this file is read at start and for what happened before.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { isDiskFull } from '../../base/disk-full.ts'
import { messageOf } from '../../base/errors.ts'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** One committed write. `json` is the object after it (the last state for DELETED), `previous` the one before. */
export interface EventRow {
  readonly version: number
  readonly resource: string
  readonly key: string
  readonly type: EventType
  readonly json: string
  readonly previous: string | null
}

export interface ObjectRow {
  readonly resource: string
  readonly key: string
  readonly version: number
  readonly json: string
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (resource, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL,
    type TEXT NOT NULL, json TEXT NOT NULL, previous TEXT
  );
  CREATE INDEX IF NOT EXISTS events_by_resource ON events (resource, version);
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`

/** Raised when the file was written by a newer Sluice: its layout may differ. */
const LAYOUT = 1

export class LogDatabase {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #putObject: StatementSync
  readonly #dropObject: StatementSync
  readonly #addEvent: StatementSync
  readonly #eventsAfter: StatementSync
  readonly #putFact: StatementSync

  /** Throws an error that names the file and the cure where it cannot be opened. */
  constructor(path: string) {
    this.path = path
    this.#database = open(path)
    this.#checkLayout(path)
    this.#putObject = this.#database.prepare(
      'INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, json = excluded.json',
    )
    this.#dropObject = this.#database.prepare('DELETE FROM objects WHERE resource = ? AND key = ?')
    this.#addEvent = this.#database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#eventsAfter = this.#database.prepare(
      'SELECT version, resource, key, type, json, previous FROM events WHERE resource = ? AND version > ? ORDER BY version',
    )
    this.#putFact = this.#database.prepare(
      'INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
  }

  objects(): ObjectRow[] {
    const rows = this.#database.prepare('SELECT resource, key, version, json FROM objects').all()
    return rows as unknown as ObjectRow[]
  }

  /** The newest version that was ever given out. */
  lastVersion(): number {
    return Math.max(this.#fact('trimmed'), this.#max('events'), this.#max('objects'))
  }

  /** Events up to this version are gone: whoever knows only older ones must list again. */
  trimmedVersion(): number {
    return this.#fact('trimmed')
  }

  eventsAfter(resource: string, version: number): EventRow[] {
    return this.#eventsAfter.all(resource, version) as unknown as EventRow[]
  }

  /** Writes all events and what they did to the objects in one durable transaction, or throws and writes nothing. */
  commit(events: readonly EventRow[], timeMs: number): void {
    this.#transaction(() => {
      for (const event of events) {
        this.#addEvent.run(event.version, timeMs, event.resource, event.key, event.type, event.json, event.previous)
        if (event.type === 'DELETED') this.#dropObject.run(event.resource, event.key)
        else this.#putObject.run(event.resource, event.key, event.version, event.json)
      }
    })
  }

  /**
   * Drops events older than `beforeMs`, all but the newest `keep`, and of these what is beyond `keepBytes`. Returns
   * the new trimmed version.
   */
  trim(beforeMs: number, keep: number, keepBytes: number = Number.MAX_SAFE_INTEGER): number {
    const byAge = this.#number('SELECT max(version) AS value FROM events WHERE time < ?', beforeMs)
    const through = Math.max(byAge, this.#max('events') - keep, this.#lastBeyond(keepBytes))
    if (through <= this.trimmedVersion()) return this.trimmedVersion()
    this.#transaction(() => {
      this.#database.prepare('DELETE FROM events WHERE version <= ?').run(through)
      this.#putFact.run('trimmed', through)
    })
    return through
  }

  /** Moves the write-ahead log into the file and closes it. Without room the log stays, and is read at the next start. */
  close(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      if (!isDiskFull(error)) throw error
    } finally {
      this.#database.close()
    }
  }

  #checkLayout(path: string): void {
    const found = this.#number('SELECT user_version AS value FROM pragma_user_version')
    if (found > LAYOUT) {
      throw new Error(
        `Cannot open the store "${path}": it was written by a newer version of Sluice (layout ${found}, this one knows ${LAYOUT}). Use that version, or another data directory.`,
      )
    }
    if (found < LAYOUT) this.#database.exec(`PRAGMA user_version = ${LAYOUT}`)
  }

  #transaction(body: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      body()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** The newest event that, with all newer ones, takes more than so many bytes. */
  #lastBeyond(bytes: number): number {
    return this.#number(
      `SELECT max(version) AS value FROM (
        SELECT version, sum(octet_length(json) + ifnull(octet_length(previous), 0)) OVER (ORDER BY version DESC) AS bytes
        FROM events
      ) WHERE bytes > ?`,
      bytes,
    )
  }

  #max(table: 'events' | 'objects'): number {
    return this.#number(`SELECT max(version) AS value FROM ${table}`)
  }

  #fact(name: string): number {
    return this.#number('SELECT value FROM facts WHERE name = ?', name)
  }

  #number(sql: string, ...parameters: (string | number)[]): number {
    const row = this.#database.prepare(sql).get(...parameters) as { value: number | null } | undefined
    return row?.value ?? 0
  }
}

function open(path: string): DatabaseSync {
  try {
    // Made by us, so that nobody else can read the Secrets in it; SQLite gives its side files the same mode.
    closeSync(openSync(path, 'a', 0o600))
    const database = new DatabaseSync(path)
    // FULL: the WAL is synced at every commit, so an acknowledged write survives a power cut, not only a crash.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;')
    database.exec(SCHEMA)
    return database
  } catch (cause) {
    const cure = isDiskFull(cause)
      ? 'The disk is full: make room'
      : 'Put a backup of it in its place, or move it away to begin without objects'
    throw new Error(`Cannot open the store "${path}": ${messageOf(cause)}. ${cure}.`, { cause })
  }
}
