import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CopyRows } from './copy-rows.js';

/** Writes rows to a table in one COPY. */
export async function copyInto(client: ClientBase, table: string, rows: CopyRows): Promise<void> {
  const stream = client.query(copyFrom(`copy ${table} from stdin with (format binary)`));
  const done = finished(stream);
  stream.end(rows.finish());
  await done;
}
