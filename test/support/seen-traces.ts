import { SearchStore } from '../../src/journal/search.store.js';
import { TraceSearch } from '../../src/journal/search.js';
import { measureWindow } from '../../src/measure/measure.js';
import { sampleTraces } from '../../src/measure/sample.js';
import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import type { TestReceiver } from './receiver.js';

/** How search shows the newest traces of a service that ended around `atMs`. */
export async function found({ journal }: TestReceiver, service: string, atMs: number) {
  const search = new TraceSearch(new SearchStore(journal.db), journal.reader);
  const filter = { service, minDurationUs: 0, maxDurationUs: Infinity, errorsOnly: false, attributes: [] };
  const period = { fromUs: (atMs - 60_000) * 1_000, toUs: (atMs + 60_000) * 1_000 };
  const { traces } = await search.search(1, { filter: { ...filter, ...period }, limit: 5, after: null, asOfMs: null });
  return traces;
}

/** What the window around `atMs` is measured as, for one service. */
export async function measured({ journal }: TestReceiver, service: string, atMs: number) {
  const { reader, db } = journal;
  const from = windowOf(atMs);
  const rows = await db.query<{ id: number }[]>(
    `select o.id from operations o join services s on s.id = o.service_id where s.name = $1`,
    [service],
  );
  const ids = new Set(rows.map((row) => row.id));
  const its = (await reader.postings(1, from, from + WINDOW_MS)).filter(({ operationId }) => ids.has(operationId));
  const sample = sampleTraces(its, 200);
  const measure = measureWindow(from, its, await reader.structure(1, sample.traceIds), sample.total);
  return { ...measure, sampledN: measure.rollups.reduce((sum, { sampledN }) => sum + sampledN, 0) };
}
