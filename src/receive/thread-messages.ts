import { Rejected, Unavailable } from '../model/failure.js';
import type { ExportRequest } from './receiver.js';
import type { Answer, Encoding } from './status.js';

/** What goes to an ingest thread. */
export type ToThread = { kind: 'requests'; heads: RequestHead[]; bytes: Uint8Array } | { kind: 'stop' };

/** What comes from it. */
export type FromThread =
  | { kind: 'ready' }
  | { kind: 'answers'; answers: ThreadAnswer[] }
  | { kind: 'trouble'; what: string; error: SentFailure }
  /** Triples of tenant id, spans and bytes that requests turned out to hold. */
  | { kind: 'spent'; amounts: number[] }
  /** Triples of tenant id, service id and the end (epoch µs) of its newest span that is stored. */
  | { kind: 'seen'; clocks: Float64Array };

interface RequestHead {
  id: number;
  tenantId: number;
  encoding: Encoding;
  isGzip: boolean;
  /** Its body within the message's bytes. */
  from: number;
  to: number;
}

/** Null: everything is stored and there is nothing to say. */
export type ThreadAnswer = { id: number; answer: Answer | null } | { id: number; failure: SentFailure };

/** An error in a form that survives the way to another thread. */
export interface SentFailure {
  kind: 'rejected' | 'unavailable' | 'bug';
  message: string;
  code?: string;
  status?: number;
  field?: string | undefined;
  retryAfterS?: number;
  stack?: string | undefined;
}

/** Puts requests into one message whose bytes are moved, not copied, to the thread. */
export function packRequests(
  requests: readonly (ExportRequest & { id: number })[],
): Extract<ToThread, { kind: 'requests' }> {
  const size = requests.reduce((sum, { body }) => sum + body.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  const heads = requests.map(({ id, tenantId, encoding, isGzip, body }) => {
    const from = at;
    bytes.set(body, from);
    at += body.length;
    return { id, tenantId, encoding, isGzip, from, to: at };
  });
  return { kind: 'requests', heads, bytes };
}

/** The requests of a message, with bodies that point into its bytes. */
export function unpackRequests({
  heads,
  bytes,
}: Extract<ToThread, { kind: 'requests' }>): (ExportRequest & { id: number })[] {
  const { buffer, byteOffset } = bytes;
  return heads.map(({ from, to, ...head }) => ({ ...head, body: Buffer.from(buffer, byteOffset + from, to - from) }));
}

export function sendable(error: unknown): SentFailure {
  if (error instanceof Rejected) {
    const { code, message, status, field } = error;
    return { kind: 'rejected', code, message, status, field };
  }
  if (error instanceof Unavailable) {
    const { code, message, retryAfterS, status } = error;
    return { kind: 'unavailable', code, message, retryAfterS, status };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { kind: 'bug', message, stack };
}

/** The error that was sent. */
export function received(failure: SentFailure): Error {
  const { kind, message, code = '', status, field, retryAfterS = 1, stack } = failure;
  if (kind === 'rejected') return new Rejected(code, message, status as Rejected['status'], field);
  if (kind === 'unavailable') {
    return new Unavailable(message, retryAfterS, { code, status: status as Unavailable['status'] });
  }
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
