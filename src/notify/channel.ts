import type { Channel, ChannelType, ThreadReference } from '../model/channel.js';
import type { Message } from './message.js';

/** What became of one attempt. retry: may go well later. failed: will not. gone: the receiver wants no more, ever. */
export type Outcome =
  | { kind: 'sent'; status: number; note?: string; thread?: ThreadReference }
  | { kind: 'retry'; status: number | null; reason: string; retryAfterS?: number }
  | { kind: 'failed'; status: number | null; reason: string }
  | { kind: 'gone'; status: number; reason: string };

/** One kind of receiver. `send` makes one attempt, never throws for what the receiver or the network does, and ends within its time limit. */
export interface ChannelSender<T extends ChannelType = ChannelType> {
  readonly type: T;
  /** `thread`: where the first message of the same group stands, when this channel has threads and told of it. */
  send(message: Message, channel: Channel<T>, thread: ThreadReference | null): Promise<Outcome>;
}

/** What came back from a receiver: an answer, or the reason why there was none. */
export type Answer =
  | { status: number; retryAfter: string | undefined; bodyStart: string }
  | { status: null; reason: string; permanent: boolean };

const RETRY_AFTER_MIN_S = 1;
const RETRY_AFTER_MAX_S = 3_600;

/** The meaning of an answer by its status code alone, as Standard Webhooks 1.0.0 has it. */
export function classify(answer: Answer, nowMs: number): Outcome {
  if (answer.status === null) {
    return { kind: answer.permanent ? 'failed' : 'retry', status: null, reason: answer.reason };
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'sent', status };
  if (status === 410) return { kind: 'gone', status, reason: 'the receiver answered 410 Gone' };
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfterS = parseRetryAfter(answer.retryAfter, nowMs);
    const reason = `the receiver answered ${status}`;
    return { kind: 'retry', status, reason, ...(retryAfterS !== undefined && { retryAfterS }) };
  }
  if (status >= 300 && status < 400) {
    return { kind: 'failed', status, reason: `the receiver answered ${status}, and redirects are not followed` };
  }
  return { kind: 'failed', status, reason: `the receiver answered ${status}` };
}

/** Seconds to wait by a Retry-After header (seconds, Discord's with a fraction, or an HTTP-date), held between 1 s and 1 h; undefined when there is none to read. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (text === '') return undefined;
  const isDate = /^[A-Z][a-z]{2,8},? /.test(text);
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : isDate ? (Date.parse(text) - nowMs) / 1000 : NaN;
  return Number.isNaN(seconds) ? undefined : Math.min(RETRY_AFTER_MAX_S, Math.max(RETRY_AFTER_MIN_S, seconds));
}
