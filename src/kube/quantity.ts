/** Kubernetes quantities: `100m`, `1.5`, `64Mi`, `1e3`. */

const QUANTITY = /^(?<number>[+-]?(?:\d+\.?\d*|\.\d+))(?<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/

export function isQuantity(text: string): boolean {
  return QUANTITY.test(text)
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
  const { number = '', suffix = '' } = QUANTITY.exec(text)?.groups ?? {}
  if (number === '') return undefined
  const isExponent = /^[eE][+-]?\d/.test(suffix)
  return isExponent ? Number(number + suffix) : Number(number) * (FACTORS[suffix] ?? 1)
}
