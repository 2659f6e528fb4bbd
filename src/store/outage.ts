import { QueryFailedError } from 'typeorm';

const NETWORK_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);
/** Connection exceptions, insufficient resources, operator intervention (shutting down, starting up). */
const OUTAGE_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57']);

/** Whether a query failed because the database is away or full, so that the same one may work later. */
export function isDatabaseOutage(error: unknown): boolean {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (cause instanceof AggregateError) return cause.errors.some(isDatabaseOutage);
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (NETWORK_CODES.has(code)) return true;
  // The server gives every error of its own a code, so this one came from a connection that broke.
  if (code === undefined) return error instanceof QueryFailedError;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && OUTAGE_CLASSES.has(code.slice(0, 2));
}
