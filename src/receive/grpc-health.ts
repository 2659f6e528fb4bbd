import protobuf from 'protobufjs/minimal.js';
import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

const SERVICE_TAG = (1 << 3) | 2;
const STATUS_TAG = 1 << 3;
const SERVING = 1;
const NOT_SERVING = 2;

/** The service that a grpc.health.v1.HealthCheckRequest asks for; '' is all of them. Throws GrpcFailure. */
export function askedService(request: Buffer): string {
  let service = '';
  try {
    const reader = protobuf.Reader.create(request);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === SERVICE_TAG) service = reader.string();
      else reader.skipType(tag & 7);
    }
  } catch {
    throw new GrpcFailure(RPC.INVALID_ARGUMENT, 'the message is not a HealthCheckRequest');
  }
  return service;
}

/** A grpc.health.v1.HealthCheckResponse. */
export function healthResponse(isServing: boolean): Buffer {
  const writer = protobuf.Writer.create().uint32(STATUS_TAG);
  return Buffer.from(writer.int32(isServing ? SERVING : NOT_SERVING).finish());
}
