import { describe, expect, it } from '@jest/globals';
import { httpRefusal, readHead } from './grpc-call.js';
import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

describe('httpRefusal', () => {
  it.each([
    { type: 'application/grpc', expected: null },
    { type: 'application/grpc+proto', expected: null },
    { type: 'Application/gRPC; charset=utf-8', expected: null },
    { type: 'application/grpc+json', expected: 415 },
    { type: 'application/grpc-web', expected: 415 },
    { type: 'application/grpc-web+proto', expected: 415 },
    { type: 'application/x-protobuf', expected: 415 },
    { type: '', expected: 415 },
    { type: undefined, expected: 415 },
  ])('of content type $type: $expected', ({ type, expected }) => {
    expect(httpRefusal({ ':method': 'POST', 'content-type': type })).toBe(expected);
  });

  it.each(['GET', 'PUT', 'HEAD'])('of method %s: 405', (method) => {
    expect(httpRefusal({ ':method': method, 'content-type': 'application/grpc' })).toBe(405);
  });
});

describe('readHead', () => {
  it.each([
    { name: 'nothing said', fields: {}, expected: { encoding: 'identity', timeoutMs: Infinity } },
    { name: 'gzip', fields: { 'grpc-encoding': 'gzip' }, expected: { encoding: 'gzip' } },
    { name: 'identity', fields: { 'grpc-encoding': 'identity' }, expected: { encoding: 'identity' } },
    { name: '1 H', fields: { 'grpc-timeout': '1H' }, expected: { timeoutMs: 3_600_000 } },
    { name: '2 M', fields: { 'grpc-timeout': '2M' }, expected: { timeoutMs: 120_000 } },
    { name: '10 S', fields: { 'grpc-timeout': '10S' }, expected: { timeoutMs: 10_000 } },
    { name: '99999999 m', fields: { 'grpc-timeout': '99999999m' }, expected: { timeoutMs: 99_999_999 } },
    { name: '4998876 u', fields: { 'grpc-timeout': '4998876u' }, expected: { timeoutMs: 4_998.876 } },
    { name: '0 n', fields: { 'grpc-timeout': '0n' }, expected: { timeoutMs: 0 } },
  ])('reads $name', ({ fields, expected }) => expect(readHead(fields)).toMatchObject(expected));

  it.each([
    { fields: { 'grpc-encoding': 'zstd' }, code: RPC.UNIMPLEMENTED },
    { fields: { 'grpc-encoding': 'gzip,gzip' }, code: RPC.UNIMPLEMENTED },
    { fields: { 'grpc-timeout': '1' }, code: RPC.INVALID_ARGUMENT },
    { fields: { 'grpc-timeout': '123456789S' }, code: RPC.INVALID_ARGUMENT },
    { fields: { 'grpc-timeout': '-1S' }, code: RPC.INVALID_ARGUMENT },
    { fields: { 'grpc-timeout': '1s' }, code: RPC.INVALID_ARGUMENT },
  ])('answers $code to $fields', ({ fields, code }) => {
    expect(() => readHead(fields)).toThrow(expect.objectContaining({ name: GrpcFailure.name, code }));
  });
});
