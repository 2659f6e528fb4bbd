// Writes test/schema.sql: what the migrations make of an empty database.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createDataSource } from '../dist/src/store/data-source.js';
import { dumpSchema } from './dump-schema.mjs';
import { startEmbeddedPostgres } from './embedded-postgres.mjs';

const file = fileURLToPath(new URL('../test/schema.sql', import.meta.url));
const postgres = await startEmbeddedPostgres({ ephemeral: true });
try {
  const dataSource = await createDataSource(postgres.url).initialize();
  await dataSource.runMigrations().finally(() => dataSource.destroy());
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const heading = '-- What the migrations make. Written by "npm run schema:dump"; not to be edited by hand.\n\n';
  writeFileSync(file, heading + (await dumpSchema(client).finally(() => client.end())));
  console.log('test/schema.sql written');
} finally {
  await postgres.stop();
}
