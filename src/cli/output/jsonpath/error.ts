/** A template that cannot be read, or cannot be applied to its object; the message is kubectl's. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError'
}
