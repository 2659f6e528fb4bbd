import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

/** One byte of flags, four of length. */
const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/** The message of a unary call, as it came. */
export interface GrpcMessage {
  isCompressed: boolean;
  body: Buffer;
}

/** Puts the one message of a unary call together out of chunks of any size. What cannot become one throws GrpcFailure as soon as that shows. */
export class UnaryReader {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  /** Of the message without its prefix; -1 until the prefix is there. */
  private length = -1;
  private isCompressed = false;

  constructor(private readonly maxBytes: number) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.length < 0 && this.size >= PREFIX_BYTES) this.readPrefix();
    if (this.length >= 0 && this.size > PREFIX_BYTES + this.length) {
      throw new GrpcFailure(
        RPC.UNIMPLEMENTED,
        `more bytes follow the first message of ${this.length} bytes: Export takes one message a call`,
      );
    }
  }

  /** The message, once the sender has ended the call. */
  finish(): GrpcMessage {
    if (this.size === 0) throw new GrpcFailure(RPC.UNIMPLEMENTED, 'the call ended without a message: Export takes one');
    if (this.length < 0 || this.size < PREFIX_BYTES + this.length) {
      throw new GrpcFailure(
        RPC.INVALID_ARGUMENT,
        this.length < 0
          ? `the call ended after ${this.size} of the ${PREFIX_BYTES} bytes that precede a message`
          : `the call ended after ${this.size - PREFIX_BYTES} of the ${this.length} bytes that the message is said to have`,
        { badField: '' },
      );
    }
    const whole = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.size);
    return { isCompressed: this.isCompressed, body: whole.subarray(PREFIX_BYTES) };
  }

  private readPrefix(): void {
    const prefix = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.size);
    const flags = prefix[0]!;
    if (flags > COMPRESSED) {
      throw new GrpcFailure(
        RPC.INTERNAL,
        `the message begins with byte ${flags}, where gRPC has 0 or 1 (compressed or not)`,
      );
    }
    this.isCompressed = flags === COMPRESSED;
    this.length = prefix.readUInt32BE(1);
    if (this.length > this.maxBytes) {
      throw new GrpcFailure(
        RPC.RESOURCE_EXHAUSTED,
        `the message has ${this.length} bytes, and ${this.maxBytes} are allowed: send smaller batches`,
      );
    }
  }
}

/** A message with its prefix, not compressed. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.alloc(PREFIX_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, PREFIX_BYTES);
  return framed;
}
