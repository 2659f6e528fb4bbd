import { createHash } from 'node:crypto';
import type { Config } from '../config.js';
import { type ScanLimits, TooManySpans, scan } from '../journal/scan.js';
import type { SpanTable } from '../journal/span-table.js';
import { keepSpans } from '../journal/splice.js';
import { WireError } from '../journal/wire.js';
import { Journal } from '../journal/write.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { acceptedHours, admit, endsEarly, rejectOtherHours, rejectedHours, rejectionMessage } from './admit.js';
import type { BodyShare } from './body-budget.js';
import { Buffers } from './buffers.js';
import { Inflater } from './inflate.js';
import { NotOtlpJson } from './json-values.js';
import { protobufFromJson } from './otlp-json.js';
import type { Rates } from './rate-limits.js';
import { type Answer, type Encoding, successAnswer } from './status.js';

const REQUEST_KEY_BYTES = 16;
/** Idle buffers of one receiver; those that requests hold count against the budget of bodies. */
const IDLE_BUFFER_BYTES = 16 * 2 ** 20;
/** A request that is smaller once decompressed is compressed anew, together with its neighbours: alone it takes about twice the space. */
const COMPRESS_TOGETHER_BYTES = 32 * 1024;
const RETRY_AFTER_S = 1;

/** One export request, as it came. */
export interface ExportRequest {
  tenantId: number;
  encoding: Encoding;
  isGzip: boolean;
  body: Buffer;
}

/** Memory that a request holds, given back by whoever reads it last: the journal once it is passed on, else the receiver. */
class Held {
  private owner: 'caller' | 'journal' = 'caller';

  constructor(private readonly releases: (() => void)[]) {}

  add(release: () => void): void {
    this.releases.push(release);
  }

  passOn(): () => void {
    this.owner = 'journal';
    return () => this.release('journal');
  }

  release(by: 'caller' | 'journal'): void {
    if (by === this.owner) for (const release of this.releases.splice(0)) release();
  }
}

/** From the bytes of an export request to the answer that says what became of its spans. */
export class Receiver {
  private readonly buffers = new Buffers(IDLE_BUFFER_BYTES);
  private readonly inflater = new Inflater(this.buffers);
  private readonly scanLimits: ScanLimits;

  constructor(
    private readonly journal: Journal,
    private readonly rates: Rates,
    private readonly config: Pick<Config, 'ingest' | 'sampling'>,
  ) {
    const { ingest, sampling } = config;
    this.scanLimits = {
      ...ingest,
      maxSpans: ingest.maxSpansPerRequest,
      weightAttributes: sampling.attributes,
      notesAttributes: true,
    };
  }

  /** Answers 200 once the accepted spans are committed. Throws Rejected or Unavailable, and then nothing need have been stored. */
  async export(request: ExportRequest, share: BodyShare): Promise<Answer> {
    const { maxDecodedBytes } = this.config.ingest;
    const { tenantId, isGzip, body } = request;
    await this.rates.admit(tenantId);
    const inflated = isGzip ? this.inflater.inflate(body, maxDecodedBytes) : null;
    const held = new Held(inflated ? [() => this.buffers.give(inflated.buffer)] : []);
    try {
      return await this.store(request, inflated?.bytes ?? body, share, held);
    } finally {
      held.release('caller');
    }
  }

  private async store(
    { tenantId, encoding, isGzip, body }: ExportRequest,
    decoded: Buffer,
    share: BodyShare,
    held: Held,
  ): Promise<Answer> {
    const { maxDecodedBytes, maxAttributeDepth } = this.config.ingest;
    if (decoded.length > maxDecodedBytes) {
      throw new Rejected('too_large', `the body has more than ${maxDecodedBytes} bytes`, 413);
    }
    if (!share.take(decoded.length))
      throw new Unavailable('too many requests are being received', RETRY_AFTER_S, { code: 'too_much_pending' });
    const message = encoding === 'json' ? fromJson(decoded, maxAttributeDepth) : decoded;
    const spans = this.scan(message);
    held.add(() => spans.release());
    const received = spans.n;
    this.rates.spend(tenantId, received, decoded.length);
    if (received === 0) return successAnswer(encoding);

    const admission = admit(spans, this.config.ingest, Date.now());
    const hours = acceptedHours(spans, admission);
    if (hours.size > 0) rejectOtherHours(spans, admission, await this.journal.openHours(hours));
    const isWhole = admission.accepted === received;
    const early = endsEarly(spans, admission);
    const key = requestKey(tenantId, body);
    // All of a request that was stored may have become too old since. Of one that has a span left the commit finds out.
    const isTooOld = admission.accepted === 0 && admission.rejected.has('too_old');
    const storedBefore = isTooOld ? await this.journal.acceptedBefore(key, rejectedHours(spans, admission)) : null;
    const stored = isWhole ? message : keepSpans(message, admission.keep);
    if (!isWhole) spans.retain(admission.keep);
    const keepsGzip = isWhole && isGzip && encoding === 'protobuf' && decoded.length >= COMPRESS_TOGETHER_BYTES;
    const receipt = await this.journal.append(tenantId, {
      key,
      payload: keepsGzip ? { gzip: body } : { plain: stored },
      decodedBytes: stored.length,
      spans,
      received,
      rejected: admission.rejected,
      endsEarly: early,
      release: held.passOn(),
    });
    const acceptedBefore = receipt.acceptedBefore ?? storedBefore;
    if (acceptedBefore !== null && acceptedBefore !== admission.accepted) {
      // What the clock says of a span may have changed since; what is stored has not, and so the answer must not.
      return repeatedAnswer(encoding, received, acceptedBefore);
    }
    if (isWhole) return successAnswer(encoding);
    const rejectedSpans = received - admission.accepted;
    return successAnswer(encoding, { rejectedSpans, errorMessage: rejectionMessage(admission) });
  }

  private scan(message: Buffer): SpanTable {
    try {
      return scan(message, this.scanLimits, this.buffers);
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
