/**
 * `$(NAME)` in commands, arguments and environment values: replaced when the name is known, left as it stands when
 * not; `$$` is a dollar sign that begins no reference. Source: Kubernetes, third_party/forked/golang/expansion.
 */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$'
    return Object.hasOwn(values, name) ? (values[name] ?? '') : whole
  })
}
