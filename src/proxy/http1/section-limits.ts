/** How large the field sections of a message may be: its head, and the trailers behind its body. */

export interface SectionLimits {
  /** Of a head with its first line, or of a trailer section. */
  readonly bytesMax: number
  readonly fieldsMax: number
}

/** Envoy's defaults. Listeners may set others for what clients send; for what endpoints send these hold. */
export const HEAD_BYTES_MAX = 60 * 1024
export const HEADER_FIELDS_MAX = 100

export const SECTION_LIMITS: SectionLimits = { bytesMax: HEAD_BYTES_MAX, fieldsMax: HEADER_FIELDS_MAX }
/** For a section that has been measured already, by the side that it came from. */
export const MEASURED: SectionLimits = { bytesMax: Infinity, fieldsMax: Infinity }
