/** SQL for a timestamptz as ISO 8601 text in UTC with milliseconds, as the API shows times. */
export function isoMs(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** SQL for a timestamptz as ISO 8601 text in UTC with all of its microseconds, as cursors keep them. */
export function isoUs(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
