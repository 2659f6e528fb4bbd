import type { Readable } from 'node:stream';
import type { BodyShare } from './body-budget.js';
import { type GrpcMessage, UnaryReader } from './grpc-framing.js';
import { GrpcFailure, later } from './grpc-status.js';
import { RPC } from './rpc-status.js';

/** What a chunk costs besides its bytes, so that a message in crumbs does not cost more than it is charged. */
const CHUNK_OVERHEAD_BYTES = 128;

/**
 * The message of a unary call, charged to `share` as it arrives. Rejects with GrpcFailure as soon as it cannot become one or there is no
 * room; what comes after that is thrown away.
 */
export function readMessage(stream: Readable, maxBytes: number, share: BodyShare): Promise<GrpcMessage> {
  return new Promise((resolve, reject) => {
    const reader = new UnaryReader(maxBytes);
    const settle = (finish: () => void) => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      stream.resume();
      finish();
    };
    const onData = (chunk: Buffer) => {
      try {
        if (!share.take(chunk.length + CHUNK_OVERHEAD_BYTES)) throw later('too many requests are being received');
        reader.push(chunk);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = () =>
      settle(() => {
        try {
          resolve(reader.finish());
        } catch (error) {
          reject(error);
        }
      });
    const onClose = () =>
      settle(() => reject(new GrpcFailure(RPC.INVALID_ARGUMENT, 'the call ended before its message')));
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}
