import protobuf from 'protobufjs/minimal.js';

/** The codes of google.rpc.Code that are told to senders. */
export const RPC = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type RpcCode = (typeof RPC)[keyof typeof RPC];

const TYPE_URL = 'type.googleapis.com/';
export const BAD_REQUEST = `${TYPE_URL}google.rpc.BadRequest`;
const RETRY_INFO = `${TYPE_URL}google.rpc.RetryInfo`;
const LEN = 2;
const tag = (field: number, type: number) => (field << 3) | type;

/** What google.rpc.Status says besides code and message: which input is wrong ('': the whole), when to try again. */
export interface RpcDetails {
  badField?: string | undefined;
  retryAfterS?: number | undefined;
}

/** google.rpc.Status in protobuf, with the details BadRequest and RetryInfo where they are given. */
export function encodeRpcStatus(code: number, message: string, { badField, retryAfterS }: RpcDetails = {}): Buffer {
  const writer = protobuf.Writer.create().uint32(tag(1, 0)).int32(code).uint32(tag(2, LEN)).string(message);
  if (badField !== undefined) {
    writer.uint32(tag(3, LEN)).fork().uint32(tag(1, LEN)).string(BAD_REQUEST);
    writer.uint32(tag(2, LEN)).fork().uint32(tag(1, LEN)).fork();
    writer.uint32(tag(1, LEN)).string(badField).uint32(tag(2, LEN)).string(message);
    writer.ldelim().ldelim().ldelim();
  }
  if (retryAfterS !== undefined) {
    writer.uint32(tag(3, LEN)).fork().uint32(tag(1, LEN)).string(RETRY_INFO);
    writer.uint32(tag(2, LEN)).fork().uint32(tag(1, LEN)).fork().uint32(tag(1, 0)).int64(retryAfterS);
    writer.ldelim().ldelim().ldelim();
  }
  return Buffer.from(writer.finish());
}
