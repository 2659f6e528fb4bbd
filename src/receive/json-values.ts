export type JsonObject = Record<string, unknown>;

export const MAX_UINT64 = 2n ** 64n - 1n;
export const MIN_INT64 = -(2n ** 63n);
export const MAX_INT64 = 2n ** 63n - 1n;
export const MAX_UINT32 = 2n ** 32n - 1n;
export const MIN_INT32 = -(2n ** 31n);
export const MAX_INT32 = 2n ** 31n - 1n;

/** JSON that is not an OTLP trace request; the message says where. */
export class NotOtlpJson extends Error {
  readonly path: string[] = [];

  constructor(readonly problem: string) {
    super(problem);
    this.name = 'NotOtlpJson';
  }

  within(step: string): this {
    this.path.unshift(step);
    this.message = `${this.path.join('.')} ${this.problem}`;
    return this;
  }
}

export function locating(step: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw error instanceof NotOtlpJson ? error.within(step) : error;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function integer(value: unknown, min: bigint, max: bigint): bigint {
  const isInteger =
    (typeof value === 'number' && Number.isInteger(value)) || (typeof value === 'string' && /^-?\d{1,20}$/.test(value));
  if (!isInteger) throw new NotOtlpJson('is not an integer');
  const exact = BigInt(value);
  if (exact < min || exact > max) throw new NotOtlpJson(`is not between ${min} and ${max}`);
  return exact;
}

export function double(value: unknown): number {
  if (typeof value === 'number') return value;
  const names: Record<string, number> = { NaN, Infinity, '-Infinity': -Infinity };
  if (typeof value === 'string') {
    if (Object.hasOwn(names, value)) return names[value]!;
    if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value);
  }
  throw new NotOtlpJson('is not a number');
}

export function base64(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw new NotOtlpJson('is not base64');
  return Buffer.from(value, 'base64');
}
