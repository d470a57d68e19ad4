/** Why a patch could not be applied. */
export class PatchError extends Error {
  override readonly name = 'PatchError'
  /**
   * `Malformed`: not a patch at all, whatever the document (HTTP 400); `NotApplicable`: this document does not fit it -
   * a failed test, a missing path (422); `TooLarge`: over a limit (413).
   */
  readonly code: 'Malformed' | 'NotApplicable' | 'TooLarge'

  constructor(code: PatchError['code'], message: string) {
    super(message)
    this.code = code
  }
}
