import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { type LogTable, scanLogs, TooManyRecords } from '../journal/log-scan.js';
import { LogJournal } from '../journal/log-write.js';
import { columnName } from '../journal/names.js';
import { keepSpans } from '../journal/splice.js';
import { WireError } from '../journal/wire.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { UNKNOWN_SERVICE } from '../model/operation.js';
import { admitLogs, hoursOf, rejectionMessage, rejectOtherHours } from './admit-logs.js';
import type { BodyShare } from './body-budget.js';
import { inflate } from './inflate.js';
import { NotOtlpJson } from './json-values.js';
import { protobufFromJson } from './otlp-json.js';
import { RateLimits } from './rate-limits.js';
import type { ExportRequest } from './receiver.js';
import { type Answer, successAnswer } from './status.js';

const gzipAsync = promisify(gzip);
const REQUEST_KEY_BYTES = 16;
const RETRY_AFTER_S = 1;

/** From the bytes of an OTLP logs request to the answer that says what became of its records; the counterpart of Receiver. */
@Injectable()
export class LogReceiver {
  constructor(
    private readonly journal: LogJournal,
    private readonly rates: RateLimits,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Answers 200 once the accepted records are committed. Throws Rejected or Unavailable, and then nothing need have been stored. */
  async export({ tenantId, encoding, isGzip, body }: ExportRequest, share: BodyShare): Promise<Answer> {
    const { maxDecodedBytes, maxAttributeDepth } = this.config.ingest;
    await this.rates.admit(tenantId);
    const decoded = isGzip ? await inflate(body, maxDecodedBytes) : body;
    if (decoded.length > maxDecodedBytes) {
      throw new Rejected('too_large', `the body has more than ${maxDecodedBytes} bytes`, 413);
    }
    if (!share.take(decoded.length)) {
      throw new Unavailable('too many requests are being received', RETRY_AFTER_S, { code: 'too_much_pending' });
    }
    const message = encoding === 'json' ? fromJson(decoded, maxAttributeDepth) : decoded;
    const table = this.scan(message);
    const received = table.records.length;
    this.rates.spend(tenantId, received, decoded.length);
    if (received === 0) return successAnswer(encoding);

    const nowMs = Date.now();
    const admission = admitLogs(table, this.config.ingest, nowMs);
    const hours = hoursOf(admission);
    if (hours.size > 0) rejectOtherHours(admission, await this.journal.openHours(hours));
    const isWhole = admission.rejected.size === 0;
    const kept = isWhole ? message : keepSpans(message, admission.keep);
    const services = table.resources.map(({ serviceAt, serviceTo }) =>
      serviceAt < 0 ? UNKNOWN_SERVICE : columnName(message, serviceAt, serviceTo),
    );
    await this.journal.append(tenantId, {
      key: requestKey(tenantId, body),
      payload: isWhole && isGzip && encoding === 'protobuf' ? body : await gzipAsync(kept),
      records: table.records.flatMap((record, i) =>
        admission.keep[i] === 0
          ? []
          : {
              timeMs: admission.timesMs[i]!,
              service: services[record.resource]!,
              traceId: record.traceAt < 0 ? null : message.toString('hex', record.traceAt, record.traceAt + 16),
            },
      ),
      receivedMs: nowMs,
      received,
      rejected: admission.rejected,
    });
    if (isWhole) return successAnswer(encoding);
    const rejectedLogRecords = admission.keep.reduce((n, keep) => n + (keep === 0 ? 1 : 0), 0);
    return successAnswer(encoding, { rejectedLogRecords, errorMessage: rejectionMessage(admission) });
  }

  private scan(message: Buffer): LogTable {
    const { maxAttributeDepth, maxSpansPerRequest } = this.config.ingest;
    try {
      return scanLogs(message, { maxAttributeDepth, maxRecords: maxSpansPerRequest });
    } catch (error) {
      if (error instanceof WireError) {
        throw new Rejected('not_otlp', `the body is not an ExportLogsServiceRequest: ${error.message}`);
      }
      if (error instanceof TooManyRecords) {
        throw new Rejected('too_many_records', `${error.message}: send smaller batches`, 413);
      }
      throw error;
    }
  }
}

function fromJson(body: Buffer, maxDepth: number): Buffer {
  try {
    return protobufFromJson(body.toString('utf8'), maxDepth, 'logs');
  } catch (error) {
    if (error instanceof NotOtlpJson) {
      throw new Rejected('not_otlp', error.message, 400, error.path.join('.') || undefined);
    }
    if (error instanceof SyntaxError) throw new Rejected('not_json', `the body is not JSON: ${error.message}`);
    throw error;
  }
}

function requestKey(tenantId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32LE(tenantId);
  return createHash('sha256').update('logs').update(head).update(body).digest().subarray(0, REQUEST_KEY_BYTES);
}
