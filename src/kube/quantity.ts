/** Kubernetes quantities: `100m`, `1.5`, `64Mi`, `1e3`. */

/** One run of digits is read in one way only: a pattern that could part it would try all ways to. */
const QUANTITY = /^(?<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/
/** The largest number has 309 digits. */
const QUANTITY_LENGTH_MAX = 400

export function isQuantity(text: string): boolean {
  return text.length <= QUANTITY_LENGTH_MAX && QUANTITY.test(text)
}

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** Its value as a number, for comparing: `250m` is 0.25; undefined if it is not a quantity. */
export function parseQuantity(text: string): number | undefined {
  if (text.length > QUANTITY_LENGTH_MAX) return undefined
  const { number = '', suffix = '' } = QUANTITY.exec(text)?.groups ?? {}
  if (number === '') return undefined
  const isExponent = /^[eE][+-]?\d/.test(suffix)
  return isExponent ? Number(number + suffix) : Number(number) * (FACTORS[suffix] ?? 1)
}
