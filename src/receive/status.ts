import protobuf from 'protobufjs/minimal.js';
import { BAD_REQUEST, RPC, encodeRpcStatus } from './rpc-status.js';

export type Encoding = 'protobuf' | 'json';

/** An HTTP answer; the content type is bare, since exporters compare it as a whole. */
export interface Answer {
  status: number;
  contentType: 'application/x-protobuf' | 'application/json';
  body: Buffer;
}

/** google.rpc.Code by HTTP status. */
const CODES: Record<number, number> = {
  400: RPC.INVALID_ARGUMENT,
  401: RPC.UNAUTHENTICATED,
  403: RPC.PERMISSION_DENIED,
  404: RPC.UNIMPLEMENTED,
  405: RPC.UNIMPLEMENTED,
  413: RPC.RESOURCE_EXHAUSTED,
  415: RPC.INVALID_ARGUMENT,
  429: RPC.RESOURCE_EXHAUSTED,
  500: RPC.INTERNAL,
  503: RPC.UNAVAILABLE,
};
const LEN = 2;
const tag = (field: number, type: number) => (field << 3) | type;

type Partial = { errorMessage: string } & ({ rejectedSpans: number } | { rejectedLogRecords: number });

/**
 * ExportTraceServiceResponse or ExportLogsServiceResponse, which differ in one name: nothing to say, or how many spans or records were
 * rejected and why; 0 rejected with a message is a warning.
 */
export function successAnswer(encoding: Encoding, partial?: Partial): Answer {
  if (encoding === 'json') {
    const partialSuccess =
      partial &&
      ('rejectedSpans' in partial
        ? { rejectedSpans: String(partial.rejectedSpans), errorMessage: partial.errorMessage }
        : { rejectedLogRecords: String(partial.rejectedLogRecords), errorMessage: partial.errorMessage });
    return json(200, partialSuccess ? { partialSuccess } : {});
  }
  const writer = protobuf.Writer.create();
  if (partial) {
    const rejected = 'rejectedSpans' in partial ? partial.rejectedSpans : partial.rejectedLogRecords;
    writer.uint32(tag(1, LEN)).fork();
    if (rejected > 0) writer.uint32(tag(1, 0)).int64(rejected);
    writer.uint32(tag(2, LEN)).string(partial.errorMessage).ldelim();
  }
  return protobufAnswer(200, Buffer.from(writer.finish()));
}

/** google.rpc.Status, for 400 with the BadRequest detail that names what is wrong. */
export function statusAnswer(encoding: Encoding, status: number, message: string, field = ''): Answer {
  const code = CODES[status] ?? 2;
  if (encoding === 'json') {
    const details = [{ '@type': BAD_REQUEST, fieldViolations: [{ field, description: message }] }];
    return json(status, { code, message, ...(status === 400 ? { details } : {}) });
  }
  return protobufAnswer(status, encodeRpcStatus(code, message, status === 400 ? { badField: field } : {}));
}

function json(status: number, body: object): Answer {
  return { status, contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}

function protobufAnswer(status: number, body: Buffer): Answer {
  return { status, contentType: 'application/x-protobuf', body };
}
