import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { TooManySpans, scan } from '../journal/scan.js';
import type { SpanTable } from '../journal/span-table.js';
import { keepSpans } from '../journal/splice.js';
import { WireError } from '../journal/wire.js';
import { Journal } from '../journal/write.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { acceptedHours, admit, endsEarly, rejectOtherHours, rejectionMessage } from './admit.js';
import type { BodyShare } from './body-budget.js';
import { inflate } from './inflate.js';
import { NotOtlpJson } from './json-values.js';
import { protobufFromJson } from './otlp-json.js';
import { RateLimits } from './rate-limits.js';
import { type Answer, type Encoding, successAnswer } from './status.js';

const gzipAsync = promisify(gzip);
/** Level 1: a tenth more bytes than level 6 for less than half its time. */
const GZIP_FAST = { level: 1 };
const REQUEST_KEY_BYTES = 16;
const RETRY_AFTER_S = 1;

/** One export request, as it came. */
export interface ExportRequest {
  tenantId: number;
  encoding: Encoding;
  isGzip: boolean;
  body: Buffer;
}

/** From the bytes of an export request to the answer that says what became of its spans. */
@Injectable()
export class Receiver {
  constructor(
    private readonly journal: Journal,
    private readonly rates: RateLimits,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Answers 200 once the accepted spans are committed. Throws Rejected or Unavailable, and then nothing need have been stored. */
  async export(request: ExportRequest, share: BodyShare): Promise<Answer> {
    const { maxDecodedBytes, maxAttributeDepth } = this.config.ingest;
    const { tenantId, encoding, isGzip, body } = request;
    await this.rates.admit(tenantId);
    const decoded = isGzip ? await inflate(body, maxDecodedBytes) : body;
    if (decoded.length > maxDecodedBytes) {
      throw new Rejected('too_large', `the body has more than ${maxDecodedBytes} bytes`, 413);
    }
    if (!share.take(decoded.length))
      throw new Unavailable('too many requests are being received', RETRY_AFTER_S, { code: 'too_much_pending' });
    const message = encoding === 'json' ? fromJson(decoded, maxAttributeDepth) : decoded;
    const spans = this.scan(message);
    const received = spans.n;
    this.rates.spend(tenantId, received, decoded.length);
    if (received === 0) return successAnswer(encoding);

    const admission = admit(spans, this.config.ingest, Date.now());
    const hours = acceptedHours(spans, admission);
    if (hours.size > 0) rejectOtherHours(spans, admission, await this.journal.openHours(hours));
    const isWhole = admission.accepted === received;
    const early = endsEarly(spans, admission);
    const stored = isWhole ? message : keepSpans(message, admission.keep);
    if (!isWhole) spans.retain(admission.keep);
    const receipt = await this.journal.append(tenantId, {
      key: requestKey(tenantId, body),
      payload: isWhole && isGzip && encoding === 'protobuf' ? body : await gzipAsync(stored, GZIP_FAST),
      decodedBytes: stored.length,
      spans,
      received,
      rejected: admission.rejected,
      endsEarly: early,
    });
    const { acceptedBefore } = receipt;
    if (acceptedBefore !== null && acceptedBefore !== admission.accepted) {
      // What the clock says of a span may have changed since; what is stored has not, and so the answer must not.
      return repeatedAnswer(encoding, received, acceptedBefore);
    }
    if (isWhole) return successAnswer(encoding);
    const rejectedSpans = received - admission.accepted;
    return successAnswer(encoding, { rejectedSpans, errorMessage: rejectionMessage(admission) });
  }

  private scan(message: Buffer): SpanTable {
    const { ingest, sampling } = this.config;
    try {
      return scan(message, { ...ingest, maxSpans: ingest.maxSpansPerRequest, weightAttributes: sampling.attributes });
    } catch (error) {
      if (error instanceof WireError) {
        throw new Rejected('not_otlp', `the body is not an ExportTraceServiceRequest: ${error.message}`);
      }
      if (error instanceof TooManySpans)
        throw new Rejected('too_many_spans', `${error.message}: send smaller batches`, 413);
      throw error;
    }
  }
}

/** The answer of the first time to the same request. */
function repeatedAnswer(encoding: Encoding, received: number, accepted: number): Answer {
  if (accepted === received) return successAnswer(encoding);
  const rejectedSpans = received - accepted;
  const errorMessage = `${rejectedSpans} of ${received} spans were rejected when this request came first`;
  return successAnswer(encoding, { rejectedSpans, errorMessage });
}

function fromJson(body: Buffer, maxDepth: number): Buffer {
  try {
    return protobufFromJson(body.toString('utf8'), maxDepth);
  } catch (error) {
    if (error instanceof NotOtlpJson)
      throw new Rejected('not_otlp', error.message, 400, error.path.join('.') || undefined);
    if (error instanceof SyntaxError) throw new Rejected('not_json', `the body is not JSON: ${error.message}`);
    throw error;
  }
}

function requestKey(tenantId: number, body: Buffer): Buffer {
  const tenant = Buffer.alloc(4);
  tenant.writeInt32LE(tenantId);
  return createHash('sha256').update(tenant).update(body).digest().subarray(0, REQUEST_KEY_BYTES);
}
