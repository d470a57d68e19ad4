/** An endless sequence of indexes into weights. */
export interface Rule {
  /** After this many picks the sequence begins again. */
  readonly period: number
  pick(): number
}
