import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { UNKNOWN_SERVICE } from '../model/operation.js';
import { columnName } from './names.js';
import { Dictionary } from './dictionary.js';
import { type LogTable, scanLogs } from './log-scan.js';
import { type LogText, logText } from './log-text.js';
import { spanTag } from './posting.js';
import { storedLog, type StoredLog } from './stored-log.js';

const gunzipAsync = promisify(gunzip);
const NO_LIMITS = { maxAttributeDepth: Infinity, maxRecords: Infinity };
/** Segments in memory at a time. */
const SEGMENTS_AT_ONCE = 8;
/** A period with more is not read: nothing is counted of it, which shows as a gap. */
const MAX_RECORDS = 300_000;
/** Shown of one trace. */
const MAX_SHOWN = 1_000;

/** A record as it is counted. */
export interface ReadLog extends LogText {
  serviceId: number;
  timeMs: number;
  /** Empty: none. */
  traceId: string;
  /** Null: outside of any span, or of a trace that is said not to be sampled. */
  spanTag: number | null;
}

interface SegmentRow {
  segment_id: string;
  received_ms: string;
  payload: Buffer;
}

/** Reads log records back: those of a period, and those of a trace. */
@Injectable()
export class LogReader {
  constructor(
    private readonly db: DataSource,
    private readonly dictionary: Dictionary,
  ) {}

  /** Records written in [fromMs, toMs), or null when there are too many to be counted. */
  async written(tenantId: number, fromMs: number, toMs: number): Promise<ReadLog[] | null> {
    const keys = await this.db.query<{ segment_id: string; hour: Date; n: string }[]>(
      `select segment_id, hour, sum(record_count) as n from log_windows
        where tenant_id = $1 and window_at >= $2 and window_at < $3
        group by segment_id, hour order by hour, segment_id`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    if (keys.reduce((sum, { n }) => sum + Number(n), 0) > MAX_RECORDS) return null;
    const logs: ReadLog[] = [];
    await this.eachSegment(tenantId, keys, async (table, receivedMs) => {
      const names = table.resources.map(({ serviceAt, serviceTo }) =>
        serviceAt < 0 ? UNKNOWN_SERVICE : columnName(table.bytes, serviceAt, serviceTo),
      );
      const ids = await this.dictionary.serviceIds(tenantId, [...new Set(names)]);
      for (const record of table.records) {
        const timeMs = record.timeUs === 0 ? receivedMs : record.timeUs / 1_000;
        if (timeMs < fromMs || timeMs >= toMs) continue;
        logs.push({
          ...logText(table.bytes, record),
          serviceId: ids.get(names[record.resource]!) ?? 0,
          timeMs,
          traceId: record.traceAt < 0 ? '' : hex(table, record.traceAt, 16),
          spanTag: record.spanIdAt < 0 ? null : spanTag(table.bytes, record.spanIdAt),
        });
      }
    });
    return logs;
  }

  /** Log records of a trace (32 hex digits) in order of time, at most the first 1,000, and whether these are all. */
  async trace(tenantId: number, traceId: string): Promise<{ logs: StoredLog[]; isComplete: boolean }> {
    const keys = await this.db.query<{ segment_id: string; hour: Date }[]>(
      `select segment_id, hour from log_traces where trace_id = $1::uuid and tenant_id = $2 order by hour, segment_id`,
      [traceId, tenantId],
    );
    const found: { timeUs: number; log: StoredLog }[] = [];
    await this.eachSegment(tenantId, keys, (table, receivedMs) => {
      table.records.forEach((record, i) => {
        if (found.length > MAX_SHOWN || record.traceAt < 0 || hex(table, record.traceAt, 16) !== traceId) return;
        found.push({ timeUs: record.timeUs || receivedMs * 1_000, log: storedLog(table, i) });
      });
      return Promise.resolve();
    });
    found.sort((a, b) => a.timeUs - b.timeUs);
    return { logs: found.slice(0, MAX_SHOWN).map(({ log }) => log), isComplete: found.length <= MAX_SHOWN };
  }

  private async eachSegment(
    tenantId: number,
    keys: readonly { segment_id: string; hour: Date }[],
    visit: (table: LogTable, receivedMs: number) => Promise<void>,
  ): Promise<void> {
    for (let from = 0; from < keys.length; from += SEGMENTS_AT_ONCE) {
      const some = keys.slice(from, from + SEGMENTS_AT_ONCE);
      const rows = await this.db.query<SegmentRow[]>(
        `select segment_id, extract(epoch from received_at) * 1000 as received_ms, payload from log_segments
          where segment_id = any($1::int8[]) and hour = any($2::timestamptz[]) and tenant_id = $3 order by hour, segment_id`,
        [some.map((key) => key.segment_id), some.map(({ hour }) => hour), tenantId],
      );
      for (const row of rows) {
        await visit(scanLogs(await gunzipAsync(row.payload), NO_LIMITS), Math.floor(Number(row.received_ms)));
      }
    }
  }
}

function hex({ bytes }: LogTable, at: number, size: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('hex');
}
