/**
 * Header fields are bytes, and a data plane reads them as one character per byte. Who writes a match writes characters, and
 * clients send those as UTF-8.
 */

const ASCII = /^[\0-\x7f]*$/

/** How a text looks when it comes in as a field. */
export function asField(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** What the bytes of a field say. */
export function fieldText(field: string): string {
  return ASCII.test(field) ? field : Buffer.from(field, 'latin1').toString('utf8')
}
