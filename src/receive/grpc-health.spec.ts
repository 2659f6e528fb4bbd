import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import { askedService, healthResponse } from './grpc-health.js';
import { GrpcFailure } from './grpc-status.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message HealthCheckRequest { string service = 1; uint64 unknown = 7; }
  message HealthCheckResponse { int32 status = 1; }
`);
const request = root.lookupType('HealthCheckRequest');
const encode = (fields: object) => Buffer.from(request.encode(request.fromObject(fields)).finish());

describe('health check', () => {
  it.each([
    { name: 'nothing', input: Buffer.alloc(0), expected: '' },
    { name: 'a service', input: encode({ service: 'a.b.C' }), expected: 'a.b.C' },
    { name: 'a service and an unknown field', input: encode({ service: 'a', unknown: 5 }), expected: 'a' },
  ])('asks for $name', ({ input, expected }) => expect(askedService(input)).toBe(expected));

  it.each([Buffer.from([0x0a]), Buffer.from([0x0a, 9, 65]), Buffer.from([0x0f])])('is none in %p', (input) => {
    expect(() => askedService(input)).toThrow(GrpcFailure);
  });

  it.each([
    { isServing: true, status: 1 },
    { isServing: false, status: 2 },
  ])('answers $status to $isServing', ({ isServing, status }) => {
    expect(root.lookupType('HealthCheckResponse').decode(healthResponse(isServing)).toJSON()).toEqual({ status });
  });
});
