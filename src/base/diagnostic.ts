/**
 * A mistake in a user's configuration, as a value: collected, published as a status condition, printed with the
 * line of the YAML. Never thrown.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** Stable, kebab-case, documented: `unknown-subset`. */
  readonly code: string
  /** Where in the object: `spec.virtualHost.routes[0].matchers[1].regex`. Empty for the object as a whole. */
  readonly path: string
  /** `Cannot <do> "<what>": <why>` and, where there is one, the cure. */
  readonly message: string
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error')
}

export function formatDiagnostic({ path, message }: Diagnostic): string {
  return path === '' ? message : `${path}: ${message}`
}
