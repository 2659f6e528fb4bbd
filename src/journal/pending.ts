import type { SpanTable } from './span-table.js';

/** Gzip members as they came, or an OTLP message that is yet to be compressed; either holds exactly the accepted spans. */
export type Payload = { gzip: Buffer } | { plain: Buffer };

/** A request of which at least some spans are accepted, or whose rejected spans are to be counted. */
export interface Admitted {
  /** First 16 bytes of SHA-256 over tenant id and body as received: the same request is stored once. */
  key: Buffer;
  payload: Payload;
  decodedBytes: number;
  /** The accepted spans, in the order of the payload. */
  spans: SpanTable;
  /** Spans received, accepted or not. */
  received: number;
  /** Reasons for which the others were rejected. */
  rejected: ReadonlyMap<string, number>;
  /** Accepted spans that ended before they started. */
  endsEarly: number;
  /** Called once nothing of all this is read any more. */
  release: () => void;
}

/** Whoever wants to know how far event time has come. */
export interface SpanClocks {
  /** Notes that a span of the service that ended at this instant (epoch µs) is stored. */
  saw(tenantId: number, serviceId: number, endUs: number): void;
}

/** What became of a request that was acknowledged. */
export interface Receipt {
  /** The same request is stored already, … */
  isDuplicate: boolean;
  /** … and so many of its spans were accepted then; null when it is stored now, or when that was not noted. */
  acceptedBefore: number | null;
}

/** A request that waits for its commit. */
export interface Pending {
  tenantId: number;
  admitted: Admitted;
  /** `admitted.key` in hex. */
  key: string;
  /** Hours in which its accepted spans ended, epoch ms. */
  hours: readonly number[];
  serviceIds: Int32Array;
  operationIds: Int32Array;
  bytes: number;
  settle: (receipt: Receipt) => void;
  fail: (error: unknown) => void;
}
