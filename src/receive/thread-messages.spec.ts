import { describe, expect, it } from '@jest/globals';
import { Rejected, Unavailable } from '../model/failure.js';
import { packRequests, received, sendable, unpackRequests } from './thread-messages.js';

describe('messages to and from ingest threads', () => {
  it('carry requests as they were, whatever buffers their bodies lie in', () => {
    const pooled = Buffer.from('one body of a pool');
    const requests = [
      { id: 1, tenantId: 7, encoding: 'protobuf' as const, isGzip: true, body: pooled.subarray(4, 8) },
      { id: 2, tenantId: 8, encoding: 'json' as const, isGzip: false, body: Buffer.alloc(0) },
      { id: 3, tenantId: 7, encoding: 'protobuf' as const, isGzip: false, body: Buffer.alloc(100_000, 5) },
    ];
    const message = packRequests(requests);
    const arrived = structuredClone(message, { transfer: [message.bytes.buffer] });
    expect(unpackRequests(arrived)).toEqual(requests);
    expect(message.bytes.length).toBe(0);
  });

  it.each([
    new Rejected('too_large', 'the body is too large', 413),
    new Rejected('not_otlp', 'is not an array', 400, 'resourceSpans'),
    new Unavailable('the database cannot store this now', 3),
    new Unavailable('slow down', 7, { status: 429, code: 'rate_spans' }),
    new TypeError('x is not a function'),
  ])('carry the error %s', (error) => {
    const arrived = received(structuredClone(sendable(error)));
    expect({ ...arrived, message: arrived.message }).toEqual({ ...error, message: error.message });
    expect(arrived instanceof Rejected).toBe(error instanceof Rejected);
    expect(arrived instanceof Unavailable).toBe(error instanceof Unavailable);
  });
});
