/** What the demo shows, as plain data: everything that is drawn or printed is a pure function of this. */

import type { VersionView } from '../live/versions.ts'

export interface DemoView {
  readonly elapsedMs: number
  readonly act: ActView | undefined
  /** Every step so far, of all acts, the current one last. */
  readonly steps: readonly StepView[]
  readonly versions: readonly VersionView[]
  /** Why the observed shares are not the configured ones, where a release says so. */
  readonly whyDifferent: string | undefined
  /** The version that requests with `stage: canary` are configured to meet; absent when no route asks for it. */
  readonly canaryVersion: string | undefined
  readonly requests: number
  readonly failures: number
  readonly perSecond: number
}

interface ActView {
  readonly number: number
  readonly title: string
}

export interface StepView {
  readonly act: number
  /** From 1, in its act. */
  readonly number: number
  /** How many steps the act has. */
  readonly total: number
  readonly title: string
  /** The command as a person would type it; absent when Sluice acts by itself. */
  readonly command: string | undefined
  /** What the command printed. */
  readonly output: readonly string[]
  /** What it waits for, or has found out. */
  readonly findings: readonly string[]
  readonly state: 'running' | 'passed' | 'failed'
  /** From the write of the new routes until every proxy had acknowledged them. */
  readonly shiftMs: number | undefined
}

/** What the whole demo came to. */
export interface DemoResult {
  readonly acts: readonly ActResult[]
  readonly durationMs: number
  /** From the start of `sluice up` until it was ready. */
  readonly bootMs: number
}

export interface ActResult {
  readonly number: number
  readonly title: string
  readonly steps: readonly StepView[]
  readonly requests: number
  readonly failures: number
  readonly durationMs: number
  readonly checks: readonly Check[]
  /** What is worth telling at the end. */
  readonly notes: readonly string[]
}

/** One thing that must hold. */
export interface Check {
  readonly holds: boolean
  /** As a sentence that says what was seen. */
  readonly text: string
}
