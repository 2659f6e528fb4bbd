import { Injectable } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { Unavailable } from '../model/failure.js';
import { columnName } from './names.js';
import { JournalReader } from './read.js';
import { SEARCH_LIMITS, type SearchLimits } from './search-budget.js';
import type { SpanFilter } from './search-filter.js';
import { Page, type SearchAnswer, type SearchRequest } from './search-page.js';
import { searchPeriod } from './search-period.js';
import type { FoundTrace } from './search-trace.js';
import { SearchStore } from './search.store.js';

export type { FoundTrace, SearchAnswer, SpanFilter };

const STATEMENT_TIMEOUT_MS = 2_000;
/** Leaves connections to everybody else. */
const SEARCHES_AT_ONCE = 4;
const QUERY_CANCELED = '57014';

/** Finds traces by their spans, newest first, with bounded work a page. */
@Injectable()
export class TraceSearch {
  private running = 0;

  constructor(
    private readonly store: SearchStore,
    private readonly reader: JournalReader,
  ) {}

  /** The period (epoch ms) of a search that gives only part of it. */
  async period(tenantId: number, from: Date | undefined, to: Date | undefined, nowMs: number) {
    const isGiven = from !== undefined && to !== undefined;
    const time = isGiven ? { watermarkMs: null, newestMs: null } : await this.store.eventTime(tenantId);
    return searchPeriod(from?.getTime(), to?.getTime(), time, nowMs);
  }

  /** One page. Throws Unavailable when too many searches run, or when not even one step could be done in time. */
  async search(tenantId: number, request: SearchRequest, limits: SearchLimits = SEARCH_LIMITS): Promise<SearchAnswer> {
    const named = { ...request, filter: { ...request.filter, ...namesOf(request.filter) } };
    if (this.running >= SEARCHES_AT_ONCE) throw new Unavailable('too many searches run at a time; try again', 1);
    this.running++;
    const page = new Page(this.store, this.reader, tenantId, named, limits);
    try {
      await this.store.snapshot(STATEMENT_TIMEOUT_MS, (db) => page.fill(db));
    } catch (error) {
      const code = error instanceof QueryFailedError ? (error.driverError as { code?: string }).code : undefined;
      if (code !== QUERY_CANCELED) throw error;
      if (!page.hasMoved) throw new Unavailable('the search took too long; ask for less time or a service', 1);
    } finally {
      this.running--;
    }
    return page.answer();
  }
}

/** Names as the dictionary has them: a longer name was cut. */
function namesOf({ service, operation }: SpanFilter): Pick<SpanFilter, 'service' | 'operation'> {
  const asColumn = (name: string) => columnName(Buffer.from(name), 0, Buffer.byteLength(name));
  return {
    ...(service === undefined ? {} : { service: asColumn(service) }),
    ...(operation === undefined ? {} : { operation: asColumn(operation) }),
  };
}
