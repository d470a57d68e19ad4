import type { LazySchema, Schema } from './schema.ts'

/** The schema behind a lazy one. */
export function resolve(schema: Schema): Exclude<Schema, LazySchema> {
  return schema.kind === 'lazy' ? resolve(schema.resolve()) : schema
}
