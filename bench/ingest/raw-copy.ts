/** The floor of storing: COPY of the same bytes into one column, committed, over two connections. */
import pg from 'pg';
import { CopyRows } from '../../src/journal/copy-rows.js';
import { copyInto, runScript } from '../../src/journal/script.js';
import type { Body } from './bodies.js';

const CONNECTIONS = 2;
const BODIES_A_COMMIT = 8;

/** Returns the spans that were copied. */
export async function rawCopy(databaseUrl: string, bodies: readonly Body[], seconds: number): Promise<number> {
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: databaseUrl }));
  await Promise.all(clients.map((client) => client.connect()));
  await clients[0]!.query('create table raw (body bytea)');
  await clients[0]!.query('alter table raw alter column body set storage external');
  const endMs = performance.now() + seconds * 1_000;
  let next = 0;
  let spans = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < endMs && next < bodies.length) {
        const some = bodies.slice(next, next + BODIES_A_COMMIT);
        next += some.length;
        const rows = new CopyRows();
        for (const { bytes } of some) {
          rows.row(1);
          rows.raw(bytes);
        }
        await runScript(client, ['begin', copyInto('raw', rows), 'commit']);
        for (const body of some) spans += body.spans;
      }
    }),
  );
  await Promise.all(clients.map((client) => client.end()));
  return spans;
}
