import { createHash } from 'node:crypto';
import type { NewSegment } from './index-spans.js';
import type { Payload, Pending } from './pending.js';

/**
 * Requests smaller than this share a segment until it has grown to so many bytes (before compression). Whoever wants one span reads all of its
 * segment; smaller ones cost postings and rows.
 */
const SHARED_SEGMENT_BYTES = 256 * 1024;

/** Requests of one commit that are to be stored as one segment. */
export interface PlannedSegment {
  id: string;
  requests: Pending[];
}

/** A segment whose bytes are not put together yet. */
export interface UnpackedSegment extends Omit<NewSegment, 'payload'> {
  payloads: Payload[];
}

/** Distributes requests to segments: small ones of the same tenant share one. Its id follows from the keys of the requests planned for it. */
export function planSegments(requests: readonly Pending[]): PlannedSegment[] {
  const segments: Pending[][] = [];
  const open = new Map<number, { requests: Pending[]; bytes: number }>();
  for (const request of requests) {
    const { tenantId } = request;
    const { decodedBytes } = request.admitted;
    const shared = open.get(tenantId);
    if (shared && shared.bytes + decodedBytes <= SHARED_SEGMENT_BYTES) {
      shared.requests.push(request);
      shared.bytes += decodedBytes;
      continue;
    }
    const started = { requests: [request], bytes: decodedBytes };
    segments.push(started.requests);
    open.set(tenantId, started);
  }
  return segments.map((members) => ({ id: segmentId(members), requests: members }));
}

/** What is left to store of planned segments when the requests in `duplicates` are taken out. */
export function newSegments(
  planned: readonly PlannedSegment[],
  duplicates: { has(key: string): boolean },
): UnpackedSegment[] {
  const segments: UnpackedSegment[] = [];
  for (const { id, requests } of planned) {
    const kept = requests.filter(({ key }) => !duplicates.has(key));
    if (kept.length === 0) continue;
    segments.push({
      id,
      tenantId: kept[0]!.tenantId,
      payloads: kept.map(({ admitted }) => admitted.payload),
      requests: kept.map(({ admitted, operationIds }) => ({ spans: admitted.spans, operationIds })),
    });
  }
  return segments;
}

/** The hours count too: when only other hours of a request are accepted the second time, that is another segment. */
function segmentId(members: readonly Pending[]): string {
  const hash = createHash('sha256');
  for (const { admitted, hours } of members) hash.update(admitted.key).update(String(hours[0]));
  return hash.digest().readBigInt64BE(0).toString();
}
