import type { CopyRows } from './copy-rows.js';
import type { CommitRows } from './index-spans.js';
import type { ClientBase, Connection, Submittable } from 'pg';

const CHUNK_BYTES = 128 * 1024;
const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/** One statement of a script; a COPY … FROM STDIN has its data with it. */
export type Statement = string | { copy: string; data: Buffer };

/** A COPY of rows in their binary form; `table` with the names of its columns, so that another version may have more. */
export function copyInto(table: string, rows: CopyRows): Statement {
  return { copy: `copy ${table} from stdin with (format binary)`, data: rows.finish() };
}

/** The rows of a commit, in the order in which partitions are locked. */
export function copiesOf({ segments, traceSegments, postings, postingTotals }: CommitRows): Statement[] {
  return [
    copyInto(
      'segments (segment_id, hour, tenant_id, received_at, span_count, codec, payload, attributes, is_wide)',
      segments,
    ),
    copyInto(
      'trace_segments (trace_id, segment_id, hour, tenant_id, start_us, end_us, span_count, error_count, root_operation_id)',
      traceSegments,
    ),
    copyInto(
      'postings (operation_id, window_at, commit_id, tenant_id, n, error_count, max_duration_us, entries)',
      postings,
    ),
    copyInto(
      'posting_totals (tenant_id, window_at, commit_id, postings, n, error_count, max_duration_us)',
      postingTotals,
    ),
  ];
}

/**
 * Runs statements in one message and one round trip, the data of every COPY behind it without waiting to be asked for. Returns the rows of
 * each statement as text. Throws the first error; what follows it is not run. (Source: PostgreSQL manual, "Message Flow": a server that
 * failed before its COPY throws away the data.)
 */
export function runScript(client: ClientBase, statements: readonly Statement[]): Promise<(string | null)[][][]> {
  return new Promise((resolve, reject) => {
    client.query(new Script(statements, resolve, reject));
  });
}

class Script implements Submittable {
  private readonly results: (string | null)[][][] = [];
  private rows: (string | null)[][] = [];

  constructor(
    private readonly statements: readonly Statement[],
    private readonly resolve: (results: (string | null)[][][]) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  submit(connection: Connection): void {
    const { stream } = connection;
    stream.cork();
    connection.query(this.statements.map((each) => (typeof each === 'string' ? each : each.copy)).join(';\n'));
    for (const each of this.statements) {
      if (typeof each === 'string') continue;
      for (let at = 0; at < each.data.length; at += CHUNK_BYTES) {
        const chunk = each.data.subarray(at, at + CHUNK_BYTES);
        const head = Buffer.allocUnsafe(5);
        head[0] = COPY_DATA;
        head.writeInt32BE(chunk.length + 4, 1);
        stream.write(head);
        stream.write(chunk);
      }
      stream.write(COPY_DONE);
    }
    stream.uncork();
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.rows.push(fields);
  }

  handleCommandComplete(): void {
    this.results.push(this.rows);
    this.rows = [];
  }

  /** The client makes the next query wait for the server, whether or not this one has failed. */
  handleError(error: Error): void {
    this.reject(error);
  }

  handleReadyForQuery(): void {
    this.resolve(this.results);
  }

  handleRowDescription(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
