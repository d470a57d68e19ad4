/** Letters as protocols have them: those of ASCII only, by character code. */

const CAPITAL_A = 0x41
const CAPITAL_Z = 0x5a
const CASE_BIT = 0x20

/** A capital letter's small one; anything else as it is. */
export function loweredCode(code: number): number {
  return code >= CAPITAL_A && code <= CAPITAL_Z ? code | CASE_BIT : code
}
