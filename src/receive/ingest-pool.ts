import { Worker } from 'node:worker_threads';
import type { Config } from '../config.js';
import type { SpanClocks } from '../journal/pending.js';
import { Unavailable } from '../model/failure.js';
import { TroubleLog } from '../trouble-log.js';
import type { Rates } from './rate-limits.js';
import type { ExportRequest } from './receiver.js';
import { type Answer, successAnswer } from './status.js';
import { type FromThread, type ThreadAnswer, packRequests, received } from './thread-messages.js';

const THREAD = new URL('./ingest.thread.js', import.meta.url);
/** Of the young generation: spans make little garbage, and three threads with V8's default of 48 MiB would hold most of the memory. */
const YOUNG_MIB = 16;
const OLD_MIB = 512;
const RESTART_MS = 250;
const MAX_RESTART_MS = 10_000;
/** A thread that ran so long is started again at once. */
const STEADY_MS = 60_000;
const RETRY_AFTER_S = 1;
const STOP_WITHIN_MS = 9_000;
/**
 * While so many requests are under way, small ones wait up to a millisecond for others to go to the thread with them, unless so many bytes wait: waking
 * a thread costs as much as ten spans.
 */
const MANY_WAITING = 8;
const GATHER_MS = 1;
const GATHERED_BYTES = 64 * 1024;

interface Waiting {
  request: ExportRequest;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/** Spreads requests over ingest threads, so that no other work of the process delays an acknowledgement. */
export class IngestPool {
  private readonly log = new TroubleLog(IngestPool.name);
  private readonly slots: Slot[];

  constructor(
    config: Config,
    clocks: SpanClocks,
    private readonly rates: Rates,
  ) {
    const { threads, maxPendingBytes } = config.ingest;
    // Each thread bounds what it holds by itself.
    const share = { ...config, ingest: { ...config.ingest, maxPendingBytes: Math.ceil(maxPendingBytes / threads) } };
    this.slots = Array.from({ length: threads }, () => new Slot(share, clocks, rates, this.log));
  }

  /** Resolves once every thread can store. */
  async start(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.start()));
  }

  /** As Receiver.export; throws Unavailable too when the thread that had the request ends. */
  async export(request: ExportRequest): Promise<Answer> {
    await this.rates.admit(request.tenantId);
    let least: Slot | null = null;
    for (const slot of this.slots) {
      if (slot.isReady && (least === null || slot.waitingBytes < least.waitingBytes)) least = slot;
    }
    if (least === null) throw new Unavailable('no ingest thread is ready', RETRY_AFTER_S);
    return least.export(request);
  }

  /** Waits for what is under way, then ends the threads. */
  async stop(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.stop()));
  }
}

/** The place of one thread, which is started anew whenever it ends. */
class Slot {
  isReady = false;
  waitingBytes = 0;
  private worker: Worker | null = null;
  private readonly trouble = new TroubleLog('Ingest');
  private readonly waiting = new Map<number, Waiting>();
  private outbox: (ExportRequest & { id: number })[] = [];
  private outboxBytes = 0;
  private posting: NodeJS.Immediate | null = null;
  private gathering: NodeJS.Timeout | null = null;
  private nextId = 0;
  private isStopping = false;
  private restartMs = RESTART_MS;

  constructor(
    private readonly config: Config,
    private readonly clocks: SpanClocks,
    private readonly rates: Rates,
    private readonly log: TroubleLog,
  ) {}

  /** Resolves when the thread is ready. Throws what kept it from becoming so. */
  start(): Promise<void> {
    const beganMs = Date.now();
    const worker = new Worker(THREAD, {
      workerData: this.config,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB, maxOldGenerationSizeMb: OLD_MIB },
    });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      let cause = new Error('an ingest thread ended');
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'ready') {
          this.isReady = true;
          resolve();
        } else if (message.kind === 'answers') for (const answer of message.answers) this.settle(answer);
        else if (message.kind === 'trouble') this.trouble.say(message.what, received(message.error));
        else if (message.kind === 'spent') this.spend(message.amounts);
        else this.note(message.clocks);
      });
      worker.on('error', (error) => (cause = error));
      worker.on('exit', () => {
        reject(cause);
        this.ended(cause, Date.now() - beganMs);
      });
    });
  }

  export(request: ExportRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { request, resolve, reject });
      this.waitingBytes += request.body.length;
      this.outbox.push({ ...request, id });
      this.outboxBytes += request.body.length;
      if (this.outboxBytes >= GATHERED_BYTES || this.waiting.size < MANY_WAITING) this.postSoon();
      else this.gathering ??= setTimeout(() => this.post(), GATHER_MS);
    });
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    const { worker } = this;
    if (!worker) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.post();
    worker.postMessage({ kind: 'stop' });
    const timer = setTimeout(() => void worker.terminate(), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  }

  /** What arrives in one turn of the event loop goes in one message. */
  private postSoon(): void {
    this.posting ??= setImmediate(() => this.post());
  }

  private post(): void {
    if (this.posting) clearImmediate(this.posting);
    if (this.gathering) clearTimeout(this.gathering);
    this.posting = this.gathering = null;
    const requests = this.outbox;
    this.outbox = [];
    this.outboxBytes = 0;
    if (requests.length === 0 || !this.worker) return;
    const message = packRequests(requests);
    this.worker.postMessage(message, [message.bytes.buffer as ArrayBuffer]);
  }

  private settle(answered: ThreadAnswer): void {
    const waiting = this.waiting.get(answered.id);
    if (!waiting) return;
    this.waiting.delete(answered.id);
    this.waitingBytes -= waiting.request.body.length;
    if ('failure' in answered) waiting.reject(received(answered.failure));
    else waiting.resolve(answered.answer ? asBuffer(answered.answer) : successAnswer(waiting.request.encoding));
  }

  private spend(amounts: readonly number[]): void {
    for (let i = 0; i < amounts.length; i += 3) this.rates.spend(amounts[i]!, amounts[i + 1]!, amounts[i + 2]!);
  }

  private note(clocks: Float64Array): void {
    for (let i = 0; i < clocks.length; i += 3) this.clocks.saw(clocks[i]!, clocks[i + 1]!, clocks[i + 2]!);
  }

  private ended(cause: Error, lastedMs: number): void {
    const wasReady = this.isReady;
    this.isReady = false;
    this.worker = null;
    this.outbox = [];
    this.outboxBytes = 0;
    this.waitingBytes = 0;
    const lost = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of lost) {
      reject(new Unavailable('the thread that had this request ended', RETRY_AFTER_S, { cause }));
    }
    // Before it was ever ready whoever starts it decides.
    if (this.isStopping || !wasReady) return;
    this.log.say(`an ingest thread ended, ${lost.length} requests are to be repeated`, cause);
    this.restartMs = lastedMs > STEADY_MS ? RESTART_MS : Math.min(this.restartMs * 2, MAX_RESTART_MS);
    this.restartLater();
  }

  private restartLater(): void {
    setTimeout(() => {
      if (this.isStopping) return;
      this.start().catch((error: Error) => {
        this.log.say('an ingest thread could not be started again', error);
        this.restartMs = Math.min(this.restartMs * 2, MAX_RESTART_MS);
        this.restartLater();
      });
    }, this.restartMs);
  }
}

/** A Buffer comes out of a message as a plain Uint8Array. */
function asBuffer({ body, ...rest }: Answer): Answer {
  return { ...rest, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
}
