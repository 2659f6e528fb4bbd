import { isZero, microseconds, OtlpScanner, tagOf } from './otlp-scanner.js';
import { ANY_VALUE, LOG_RECORD, REQUEST, RESOURCE_LOGS, SCOPE, SCOPE_LOGS } from './otlp-shape.js';
import type { ResourceRange, ScopeRange } from './span-table.js';
import { LEN } from './wire.js';

export interface LogScanLimits {
  maxAttributeDepth: number;
  /** TooManyRecords is thrown beyond. */
  maxRecords: number;
}

export class TooManyRecords extends Error {
  constructor(readonly limit: number) {
    super(`more than ${limit} log records in one request`);
    this.name = 'TooManyRecords';
  }
}

/** A LogRecord message; offsets point into the table's bytes. */
export interface LogRange {
  from: number;
  to: number;
  resource: number;
  scope: number;
  /** -1: without a trace. An id that is not valid is one that is not there, as the specification asks. */
  traceAt: number;
  /** -1: without a span, or without a trace. */
  spanIdAt: number;
  /** When it was written, else when it was first observed, epoch µs; 0 when neither is told. */
  timeUs: number;
  tooDeep: boolean;
}

/** Log records of one message in the order in which they lie in it. */
export interface LogTable {
  bytes: Uint8Array;
  resources: ResourceRange[];
  scopes: ScopeRange[];
  records: LogRange[];
}

/**
 * Reads ExportLogsServiceRequest messages, several of which may follow one another, without decoding what is not needed; checks as `scan`
 * does for spans. Throws WireError or TooManyRecords.
 */
export function scanLogs(bytes: Uint8Array, limits: LogScanLimits): LogTable {
  return new LogScanner(bytes, limits).scan();
}

class LogScanner extends OtlpScanner {
  private readonly table: LogTable;

  constructor(
    bytes: Uint8Array,
    private readonly limits: LogScanLimits,
  ) {
    super(bytes, limits.maxAttributeDepth);
    this.table = { bytes, resources: [], scopes: [], records: [] };
  }

  scan(): LogTable {
    const end = this.bytes.length;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(1, LEN)) this.resourceLogs(this.length(end));
      else this.other(tag, at, end, REQUEST);
    }
    return this.table;
  }

  private resourceLogs(end: number): void {
    const resource: ResourceRange = { from: this.pos, to: end, serviceAt: -1, serviceTo: -1, tooDeep: false };
    const index = this.table.resources.push(resource) - 1;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(1, LEN)) this.resource(this.length(end), resource);
      else if (tag === tagOf(2, LEN)) this.scopeLogs(this.length(end), index);
      else this.other(tag, at, end, RESOURCE_LOGS);
    }
  }

  private scopeLogs(end: number, resource: number): void {
    const scope: ScopeRange = { from: this.pos, to: end, tooDeep: false };
    const index = this.table.scopes.push(scope) - 1;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(2, LEN)) this.record(this.length(end), resource, index);
      else if (tag === tagOf(1, LEN)) {
        if (!this.message(this.length(end), SCOPE)) scope.tooDeep = true;
      } else this.other(tag, at, end, SCOPE_LOGS);
    }
  }

  private record(end: number, resource: number, scope: number): void {
    const { bytes } = this;
    if (this.table.records.length === this.limits.maxRecords) throw new TooManyRecords(this.limits.maxRecords);
    const record: LogRange = {
      from: this.pos,
      to: end,
      resource,
      scope,
      traceAt: -1,
      spanIdAt: -1,
      timeUs: 0,
      tooDeep: false,
    };
    let observedUs = 0;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      switch (tag) {
        case 0x09:
          record.timeUs = microseconds(bytes, this.fixed(8, end));
          break;
        case 0x59:
          observedUs = microseconds(bytes, this.fixed(8, end));
          break;
        case 0x2a: // body
          if (!this.attribute(this.length(end), ANY_VALUE)) record.tooDeep = true;
          break;
        case 0x32: // attributes
          if (!this.attribute(this.length(end))) record.tooDeep = true;
          break;
        case 0x4a:
          record.traceAt = this.id(this.length(end), 16);
          break;
        case 0x52:
          record.spanIdAt = this.id(this.length(end), 8);
          break;
        default:
          this.other(tag, at, end, LOG_RECORD);
      }
    }
    if (record.timeUs === 0) record.timeUs = observedUs;
    if (record.traceAt < 0) record.spanIdAt = -1;
    this.table.records.push(record);
  }

  private id(to: number, size: number): number {
    const at = this.pos;
    this.pos = to;
    return to - at === size && !isZero(this.bytes, at, size) ? at : -1;
  }
}
