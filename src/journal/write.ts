import pg from 'pg';
import type { Config } from '../config.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { type Duplicates, commit } from './commit.js';
import { Dictionary } from './dictionary.js';
import { hoursOf } from './index-spans.js';
import { Partitions } from './partitions.js';
import type { Admitted, Pending, Receipt, SpanClocks } from './pending.js';
import { isDataError, isWorthRepeating, mayLackPartition } from './postgres-error.js';

/** Connections of one journal; every ingest thread has a journal of its own. */
const WRITERS = 1;
const MAX_REQUESTS = 1_024;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/**
 * While requests come several at a time, a commit waits so long for more of them, unless it has enough already: small ones then share its
 * cost. A lone request never waits.
 */
const GATHER_MS = 4;
const GATHERED_BYTES = 512 * 1024;
const ATTEMPTS = 3;
const CONNECT_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 5_000;
/** SDKs give up after 10 s: an answer must come before. */
const ANSWER_WITHIN_MS = 8_000;
const RETRY_AFTER_S = 1;

/**
 * Stores accepted requests. Whatever is pending when a connection becomes free is committed together, so that the cost of a commit is shared
 * under load and a lone request does not wait.
 */
export class Journal {
  private readonly pool: pg.Pool;
  private readonly queue: Pending[] = [];
  private readonly running = new Set<Promise<void>>();
  private queuedBytes = 0;
  private pendingBytes = 0;
  private gathering: NodeJS.Timeout | null = null;
  private lastBatch = 0;
  /** Requests whose names are being looked up. */
  private naming = 0;

  constructor(
    private readonly dictionary: Dictionary,
    private readonly partitions: Partitions,
    private readonly clocks: SpanClocks,
    private readonly config: Pick<Config, 'databaseUrl' | 'ingest'>,
    private readonly log: { say(what: string, error: Error): void },
  ) {
    this.pool = new pg.Pool({
      connectionString: config.databaseUrl,
      max: WRITERS,
      application_name: 'tracehound-journal',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      options: `-c timezone=UTC -c statement_timeout=${STATEMENT_TIMEOUT_MS} -c idle_in_transaction_session_timeout=30000 -c citus.max_adaptive_executor_pool_size=1`,
    });
    this.pool.on('error', (error) => this.log.say('lost an idle connection', error));
    // From the first moment on: the query that runs reports a loss, and one between two queries would otherwise end the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Resolves when the request is committed. Throws Unavailable when it is not, or when it could not be learned whether it is (the sender
   * repeats it, and the same request is stored once), and Rejected when the database refuses its very data.
   */
  async append(tenantId: number, admitted: Admitted): Promise<Receipt> {
    const gzipBytes = 'gzip' in admitted.payload ? admitted.payload.gzip.length : 0;
    const bytes = gzipBytes + admitted.spans.bytes.length;
    const isFull = this.pendingBytes > 0 && this.pendingBytes + bytes > this.config.ingest.maxPendingBytes;
    if (isFull) {
      admitted.release();
      throw new Unavailable('too many requests wait to be stored', RETRY_AFTER_S, { code: 'too_much_pending' });
    }
    this.pendingBytes += bytes;
    // Counted as pending until it is really gone, also when the sender no longer waits for it.
    const stored = this.store(tenantId, admitted, bytes).finally(() => {
      this.pendingBytes -= bytes;
      admitted.release();
    });
    try {
      return await within(ANSWER_WITHIN_MS, stored);
    } catch (error) {
      if (error instanceof Rejected) throw error;
      throw this.unavailable('store a request', error);
    }
  }

  /** Which of these hours (epoch ms) can be written. Throws Unavailable. */
  async openHours(hours: Iterable<number>): Promise<Set<number>> {
    try {
      return await within(ANSWER_WITHIN_MS, this.partitions.open(hours, Date.now()));
    } catch (error) {
      throw this.unavailable('open an hour of the journal', error);
    }
  }

  /** How many spans of a request with this key were accepted before, in one of these hours (epoch ms); null: none was. Throws Unavailable. */
  async acceptedBefore(key: Buffer, hours: readonly number[]): Promise<number | null> {
    const found = this.pool.query<{ accepted: number | null }>(
      `select accepted from request_keys where request_key = $1::uuid and hour = any($2::timestamptz[]) limit 1`,
      [key.toString('hex'), hours.map((hour) => new Date(hour))],
    );
    try {
      return (await within(ANSWER_WITHIN_MS, found)).rows[0]?.accepted ?? null;
    } catch (error) {
      throw this.unavailable('look for a request', error);
    }
  }

  /** Commits what is queued, then closes its connections. */
  async close(): Promise<void> {
    this.endGathering();
    this.lastBatch = 0;
    this.pump();
    while (this.running.size > 0) await Promise.all(this.running);
    await this.pool.end();
  }

  private unavailable(task: string, cause: unknown): Unavailable {
    this.log.say(`could not ${task}`, cause instanceof Error ? cause : new Error(String(cause)));
    return new Unavailable('the database cannot store this now', RETRY_AFTER_S, { cause });
  }

  private async store(tenantId: number, admitted: Admitted, bytes: number): Promise<Receipt> {
    this.naming++;
    const { serviceIds, operationIds } = await this.dictionary
      .add(tenantId, admitted.spans)
      .finally(() => this.naming--);
    const receipt = await new Promise<Receipt>((settle, fail) => {
      const key = admitted.key.toString('hex');
      const hours = hoursOf(admitted.spans);
      this.queue.push({ tenantId, admitted, key, hours, serviceIds, operationIds, bytes, settle, fail });
      this.queuedBytes += bytes;
      this.pump();
    });
    this.noteTimes(tenantId, admitted, serviceIds);
    return receipt;
  }

  private noteTimes(tenantId: number, { spans }: Admitted, serviceIds: Int32Array): void {
    const latest = new Map<number, number>();
    for (let i = 0; i < spans.n; i++) {
      const serviceId = serviceIds[spans.resource[i]!]!;
      if (spans.endUs[i]! > (latest.get(serviceId) ?? 0)) latest.set(serviceId, spans.endUs[i]!);
    }
    for (const [serviceId, endUs] of latest) this.clocks.saw(tenantId, serviceId, endUs);
  }

  private pump(): void {
    if (this.queuedBytes >= GATHERED_BYTES) this.endGathering();
    while (this.queue.length > 0 && this.running.size < WRITERS && !this.gathering) {
      if ((this.lastBatch > 1 || this.naming > 0) && this.queuedBytes < GATHERED_BYTES) {
        this.gathering = setTimeout(() => {
          this.endGathering();
          this.start();
        }, GATHER_MS);
        return;
      }
      this.start();
    }
  }

  private endGathering(): void {
    if (this.gathering) clearTimeout(this.gathering);
    this.gathering = null;
  }

  private start(): void {
    const batch = this.takeBatch();
    this.lastBatch = batch.length;
    const work = this.write(batch).finally(() => {
      this.running.delete(work);
      this.pump();
    });
    this.running.add(work);
  }

  private takeBatch(): Pending[] {
    let n = 0;
    let bytes = 0;
    while (n < this.queue.length && n < MAX_REQUESTS && (n === 0 || bytes + this.queue[n]!.bytes <= MAX_BATCH_BYTES)) {
      bytes += this.queue[n++]!.bytes;
    }
    this.queuedBytes -= bytes;
    return this.queue.splice(0, n);
  }

  /** Commits a batch and settles every request in it; never throws. */
  private async write(batch: Pending[]): Promise<void> {
    const first = new Map<string, Pending>();
    const repeated: Pending[] = [];
    for (const request of batch) {
      if (request.admitted.spans.n > 0 && first.has(request.key)) repeated.push(request);
      else first.set(request.admitted.spans.n > 0 ? request.key : `${first.size}`, request);
    }
    await this.writeDistinct([...first.values()]);
    // The same request twice in a batch: by now the first is stored, or failed and so does the second, unless it is its turn now.
    if (repeated.length > 0) await this.write(repeated);
  }

  private async writeDistinct(batch: Pending[]): Promise<void> {
    try {
      const duplicates = await this.commitWithRetries(batch);
      for (const { key, settle } of batch) {
        settle({ isDuplicate: duplicates.has(key), acceptedBefore: duplicates.get(key) ?? null });
      }
    } catch (error) {
      if (isDataError(error)) await this.isolate(batch, error);
      else for (const { fail } of batch) fail(error);
    }
  }

  /** One request's data made a commit fail: each is tried alone, so that only that one is refused. */
  private async isolate(batch: Pending[], error: unknown): Promise<void> {
    if (batch.length > 1) {
      for (const request of batch) await this.writeDistinct([request]);
      return;
    }
    this.log.say('had to refuse the data of a request', error instanceof Error ? error : new Error(String(error)));
    batch[0]!.fail(new Rejected('not_storable', 'the database refuses the data of this request'));
  }

  private async commitWithRetries(batch: Pending[]): Promise<Duplicates> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.commitOnce(batch);
      } catch (error) {
        if (attempt === ATTEMPTS || !(isWorthRepeating(error) || mayLackPartition(error))) throw error;
        if (mayLackPartition(error)) {
          this.partitions.forget();
          await this.partitions.open(new Set(batch.flatMap(({ hours }) => hours)), Date.now());
        }
      }
    }
  }

  private async commitOnce(batch: Pending[]): Promise<Duplicates> {
    const client = await this.pool.connect();
    let failure: unknown;
    try {
      return await within(ANSWER_WITHIN_MS, commit(client, batch, Date.now()));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      // An error that PostgreSQL reported leaves a connection that works; anything else leaves one that nobody knows about.
      const isUsable = failure === undefined || failure instanceof pg.DatabaseError;
      client.release(isUsable ? undefined : true);
    }
  }
}

/** Rejects when the work takes longer; the work itself goes on. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
