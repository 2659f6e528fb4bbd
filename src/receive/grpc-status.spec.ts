import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { Rejected, Unavailable } from '../model/failure.js';
import { GrpcFailure, grpcFailureOf, percentEncode, statusTrailers } from './grpc-status.js';
import { RPC } from './rpc-status.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
  message FieldViolation { string field = 1; string description = 2; }
`);

/** google.rpc.Status of the trailers, each detail by the name of its type. */
function detailsOf(trailers: Record<string, string>) {
  const bytes = Buffer.from(trailers['grpc-status-details-bin']!, 'base64');
  const status = root.lookupType('Status').decode(bytes).toJSON();
  const details = (status['details'] as { typeUrl: string; value: string }[]).map(({ typeUrl, value }) => {
    const name = typeUrl.replace('type.googleapis.com/google.rpc.', '');
    return [name, root.lookupType(name).decode(Buffer.from(value, 'base64')).toJSON()];
  });
  return { ...status, details: Object.fromEntries(details) as Record<string, unknown> };
}

describe('grpcFailureOf', () => {
  it.each([
    { error: new Rejected('a', 'no protobuf'), code: RPC.INVALID_ARGUMENT, details: { badField: '' } },
    { error: new Rejected('a', 'wrong', 400, 'spans'), code: RPC.INVALID_ARGUMENT, details: { badField: 'spans' } },
    { error: new Rejected('a', 'no key', 401), code: RPC.UNAUTHENTICATED, details: {} },
    { error: new Rejected('a', 'not this', 403), code: RPC.PERMISSION_DENIED, details: {} },
    { error: new Rejected('a', 'too large', 413), code: RPC.RESOURCE_EXHAUSTED, details: {} },
    { error: new Unavailable('away', 5), code: RPC.UNAVAILABLE, details: { retryAfterS: 5 } },
    {
      error: new Unavailable('too fast', 2, { status: 429 }),
      code: RPC.RESOURCE_EXHAUSTED,
      details: { retryAfterS: 2 },
    },
    { error: new GrpcFailure(RPC.NOT_FOUND, 'nothing'), code: RPC.NOT_FOUND, details: {} },
  ])('answers $code to $error.message', ({ error, code, details }) => {
    expect(grpcFailureOf(error)).toMatchObject({ code, details, message: error.message });
  });

  it('knows what is not meant for the caller', () => {
    expect(grpcFailureOf(new TypeError('x is undefined'))).toBeNull();
    expect(grpcFailureOf('text')).toBeNull();
  });
});

describe('statusTrailers', () => {
  it('says when to try again', () => {
    const trailers = statusTrailers(new GrpcFailure(RPC.UNAVAILABLE, 'later, please', { retryAfterS: 3 }));
    expect(trailers).toMatchObject({ 'grpc-status': '14', 'grpc-message': 'later, please' });
    expect(detailsOf(trailers)).toEqual({
      code: 14,
      message: 'later, please',
      details: { RetryInfo: { retryDelay: { seconds: '3' } } },
    });
  });

  it('says what is wrong with the input', () => {
    const trailers = statusTrailers(new GrpcFailure(RPC.INVALID_ARGUMENT, 'cut ☂', { badField: 'spans' }));
    expect(trailers['grpc-message']).toBe('cut %E2%98%82');
    expect(detailsOf(trailers).details).toEqual({
      BadRequest: { fieldViolations: [{ field: 'spans', description: 'cut ☂' }] },
    });
  });

  it('has no details, and so no RetryInfo, where none are given', () => {
    expect(statusTrailers(new GrpcFailure(RPC.RESOURCE_EXHAUSTED, 'too large'))).toEqual({
      'grpc-status': '8',
      'grpc-message': 'too large',
    });
  });

  it('stays below what clients take as headers, and is always text that headers may have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.string({ unit: 'binary' }), (message, field) => {
        const trailers = statusTrailers(new GrpcFailure(RPC.INVALID_ARGUMENT, message, { badField: field }));
        const values = Object.values(trailers);
        expect(values.join('').length).toBeLessThan(6_000);
        for (const value of values) expect(value).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeURIComponent(trailers['grpc-message']!)).not.toContain('\uFFFD…');
      }),
    );
  });
});

describe('percentEncode', () => {
  it.each([
    { input: 'plain text, "quoted" ~', expected: 'plain text, "quoted" ~' },
    { input: '100 %', expected: '100 %25' },
    { input: 'a\r\nb\0', expected: 'a%0D%0Ab%00' },
    { input: 'naïve ☂ \u{1f980}', expected: 'na%C3%AFve %E2%98%82 %F0%9F%A6%80' },
    { input: 'half a pair \ud800', expected: 'half a pair %EF%BF%BD' },
  ])('writes $expected', ({ input, expected }) => expect(percentEncode(input)).toBe(expected));

  it('is undone by percent decoding', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) =>
        expect(decodeURIComponent(percentEncode(text))).toBe(text),
      ),
    );
  });
});
