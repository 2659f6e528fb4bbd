import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

/** What a call's head says about its messages. */
export interface CallHead {
  /** How messages that are marked as compressed are. */
  encoding: 'gzip' | 'identity';
  /** How long the caller waits, in ms; Infinity when it does not say. */
  timeoutMs: number;
}

/** Header fields by lower-case name. */
export type Fields = Readonly<Record<string, string | string[] | undefined>>;

const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** HTTP status of a request that is no gRPC call at all, or null for one that is. */
export function httpRefusal(fields: Fields): 405 | 415 | null {
  if (fields[':method'] !== 'POST') return 405;
  // As in application/grpc+proto; the web and the JSON form are other protocols.
  return /^application\/grpc(\+proto)?\s*(;|$)/i.test(text(fields['content-type'])) ? null : 415;
}

/** Reads `grpc-encoding` and `grpc-timeout`. Throws GrpcFailure. */
export function readHead(fields: Fields): CallHead {
  const encoding = (text(fields['grpc-encoding']) || 'identity').trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'identity') {
    throw new GrpcFailure(RPC.UNIMPLEMENTED, `grpc-encoding ${encoding} is not gzip or identity`);
  }
  return { encoding, timeoutMs: timeoutOf(text(fields['grpc-timeout'])) };
}

function timeoutOf(value: string): number {
  if (value === '') return Infinity;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new GrpcFailure(
      RPC.INVALID_ARGUMENT,
      `grpc-timeout ${value} is not up to 8 digits and one of H, M, S, m, u, n`,
    );
  }
  return Number(digits) * UNIT_MS[unit]!;
}

function text(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}
