/**
 * `$(NAME)` in commands, arguments and environment values: replaced when the name is known, left as it stands when
 * not; `$$` is a dollar sign that begins no reference. Source: Kubernetes, third_party/forked/golang/expansion.
 */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  // No reference ends behind the last `)`: without it each `$(` there would be searched for its end, all the way.
  const end = text.lastIndexOf(')') + 1
  const rest = text.slice(end).replaceAll('$$', () => '$')
  const expanded = text.slice(0, end).replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$'
    return Object.hasOwn(values, name) ? (values[name] ?? '') : whole
  })
  return expanded + rest
}
