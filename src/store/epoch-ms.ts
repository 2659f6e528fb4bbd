/** SQL for a timestamptz as milliseconds since the epoch, a number to whoever reads it. */
export function epochMs(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8`;
}
