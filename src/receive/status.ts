import protobuf from 'protobufjs/minimal.js';

export type Encoding = 'protobuf' | 'json';

/** An HTTP answer; the content type is bare, since exporters compare it as a whole. */
export interface Answer {
  status: number;
  contentType: 'application/x-protobuf' | 'application/json';
  body: Buffer;
}

/** google.rpc.Code by HTTP status. */
const CODES: Record<number, number> = {
  400: 3,
  401: 16,
  403: 7,
  404: 12,
  405: 12,
  413: 8,
  415: 3,
  429: 8,
  500: 13,
  503: 14,
};
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const LEN = 2;
const tag = (field: number, type: number) => (field << 3) | type;

/** ExportTraceServiceResponse: nothing to say, or how many spans were rejected and why; 0 rejected with a message is a warning. */
export function successAnswer(encoding: Encoding, partial?: { rejectedSpans: number; errorMessage: string }): Answer {
  if (encoding === 'json') {
    const partialSuccess = partial && {
      rejectedSpans: String(partial.rejectedSpans),
      errorMessage: partial.errorMessage,
    };
    return json(200, partialSuccess ? { partialSuccess } : {});
  }
  const writer = protobuf.Writer.create();
  if (partial) {
    writer.uint32(tag(1, LEN)).fork();
    if (partial.rejectedSpans > 0) writer.uint32(tag(1, 0)).int64(partial.rejectedSpans);
    writer.uint32(tag(2, LEN)).string(partial.errorMessage).ldelim();
  }
  return protobufAnswer(200, writer);
}

/** google.rpc.Status, for 400 with the BadRequest detail that names what is wrong. */
export function statusAnswer(encoding: Encoding, status: number, message: string, field = ''): Answer {
  const code = CODES[status] ?? 2;
  if (encoding === 'json') {
    const details = [{ '@type': BAD_REQUEST, fieldViolations: [{ field, description: message }] }];
    return json(status, { code, message, ...(status === 400 ? { details } : {}) });
  }
  const writer = protobuf.Writer.create().uint32(tag(1, 0)).int32(code).uint32(tag(2, LEN)).string(message);
  if (status === 400) {
    writer.uint32(tag(3, LEN)).fork().uint32(tag(1, LEN)).string(BAD_REQUEST);
    writer.uint32(tag(2, LEN)).fork().uint32(tag(1, LEN)).fork();
    writer.uint32(tag(1, LEN)).string(field).uint32(tag(2, LEN)).string(message);
    writer.ldelim().ldelim().ldelim();
  }
  return protobufAnswer(status, writer);
}

function json(status: number, body: object): Answer {
  return { status, contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}

function protobufAnswer(status: number, writer: protobuf.Writer): Answer {
  return { status, contentType: 'application/x-protobuf', body: Buffer.from(writer.finish()) };
}
