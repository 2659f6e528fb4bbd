import { Rejected, Unavailable } from '../model/failure.js';
import { RPC, type RpcCode, type RpcDetails, encodeRpcStatus } from './rpc-status.js';

/** Clients cap what they accept as headers, many at 8 KiB, and the message travels up to three times, in base64 too. */
const MAX_MESSAGE_BYTES = 500;
const RETRY_AFTER_S = 1;

const CODES: Record<Rejected['status'], RpcCode> = {
  400: RPC.INVALID_ARGUMENT,
  401: RPC.UNAUTHENTICATED,
  403: RPC.PERMISSION_DENIED,
  404: RPC.UNIMPLEMENTED,
  405: RPC.UNIMPLEMENTED,
  409: RPC.INVALID_ARGUMENT,
  412: RPC.INVALID_ARGUMENT,
  // Without RetryInfo, which says that the same again can never succeed.
  413: RPC.RESOURCE_EXHAUSTED,
  415: RPC.UNIMPLEMENTED,
  422: RPC.INVALID_ARGUMENT,
};

/** A call that ends with a status other than OK. */
export class GrpcFailure extends Error {
  constructor(
    readonly code: RpcCode,
    message: string,
    readonly details: RpcDetails = {},
  ) {
    super(message);
    this.name = 'GrpcFailure';
  }
}

/** The failure to answer for an error that is meant for the caller; null for any other. */
export function grpcFailureOf(error: unknown): GrpcFailure | null {
  if (error instanceof GrpcFailure) return error;
  if (error instanceof Rejected) {
    const code = CODES[error.status];
    return new GrpcFailure(
      code,
      error.message,
      code === RPC.INVALID_ARGUMENT ? { badField: error.field ?? '' } : undefined,
    );
  }
  if (error instanceof Unavailable) {
    const code = error.status === 429 ? RPC.RESOURCE_EXHAUSTED : RPC.UNAVAILABLE;
    return new GrpcFailure(code, error.message, { retryAfterS: error.retryAfterS });
  }
  return null;
}

/** "Later": UNAVAILABLE with RetryInfo, which senders repeat. */
export function later(message: string): GrpcFailure {
  return new GrpcFailure(RPC.UNAVAILABLE, message, { retryAfterS: RETRY_AFTER_S });
}

/** The status of a failed call as trailers; details travel as google.rpc.Status, which repeats code and message. */
export function statusTrailers({ code, message, details }: GrpcFailure): Record<string, string> {
  const text = shortened(message);
  const trailers = { 'grpc-status': String(code), 'grpc-message': percentEncode(text) };
  if (details.badField === undefined && details.retryAfterS === undefined) return trailers;
  const status = encodeRpcStatus(code, text, { ...details, badField: details.badField && shortened(details.badField) });
  return { ...trailers, 'grpc-status-details-bin': status.toString('base64').replace(/=+$/, '') };
}

/** Text as a header carries it: UTF-8, with every byte but printable ASCII and the percent sign itself as %XX. */
export function percentEncode(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function shortened(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_MESSAGE_BYTES) return text;
  // What a cut leaves of a character decodes to U+FFFD.
  return `${bytes
    .subarray(0, MAX_MESSAGE_BYTES)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}
