/** Gloo's names of redirect codes, by name or by the number of the enum. */

export type RedirectStatus = 301 | 302 | 303 | 307 | 308

export const REDIRECT_STATUS: Readonly<Record<string, RedirectStatus>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
}

/** The HTTP status; undefined when the code is none of Gloo's. */
export function redirectStatus(code: string | number | undefined): RedirectStatus | undefined {
  if (code === undefined) return REDIRECT_STATUS['MOVED_PERMANENTLY']
  return typeof code === 'number' ? Object.values(REDIRECT_STATUS)[code] : REDIRECT_STATUS[code]
}
