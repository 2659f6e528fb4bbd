/** SQLSTATE classes that speak of the values themselves: data exception, integrity, cardinality, program limit. */
const DATA_CLASSES = new Set(['21', '22', '23', '54']);
/** Deadlock and serialisation failure: the same transaction may succeed at once. */
const REPEAT_CLASS = '40';
const NO_PARTITION = '23514';
const UNIQUE_VIOLATION = '23505';

function sqlState(error: unknown): string | null {
  const code = error instanceof Error && 'severity' in error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** Whether the data of a request may have made the transaction fail. */
export function isDataError(error: unknown): boolean {
  return DATA_CLASSES.has(sqlState(error)?.slice(0, 2) ?? '');
}

/** Whether the same transaction may succeed when it is simply run again. */
export function isWorthRepeating(error: unknown): boolean {
  return sqlState(error)?.slice(0, 2) === REPEAT_CLASS;
}

/** Whether a row may have found no partition (PostgreSQL reports that, and a violated check, with the same code). */
export function mayLackPartition(error: unknown): boolean {
  return sqlState(error) === NO_PARTITION;
}

/** Whether a request's key is there already: it was stored before. */
export function isKeyTaken(error: unknown): boolean {
  const table = error instanceof Error && 'table' in error ? String(error.table) : '';
  return sqlState(error) === UNIQUE_VIOLATION && table.startsWith('request_keys');
}
