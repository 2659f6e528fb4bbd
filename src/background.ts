import { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import type { Config } from './config.js';

const THREAD = new URL('./background.thread.js', import.meta.url);
/** Of the young generation; the default of 48 MiB is kept resident once it was used. */
const YOUNG_MIB = 24;
const RESTART_MS = 1_000;
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;

/** What the thread is told. */
export interface BackgroundTask {
  config: Config;
  /** How long to wait for the API's port while another process still has it. */
  waitsForPortMs: number;
}

export type FromBackground = { kind: 'ready'; queueLabel: string } | { kind: 'waits' };

/**
 * The thread with stages, queue and API. When it ends it is started again, while receiving goes on; `onGivenUp` is called when that happens
 * too often.
 */
export class Background {
  private readonly log = new Logger('Background');
  private worker: Worker | null = null;
  private readonly restartsMs: number[] = [];
  private isStopping = false;
  private waits!: () => void;
  /** Resolves when all runs but the API, whose port another process still has. */
  readonly onlyWaitsForPort = new Promise<void>((resolve) => (this.waits = resolve));

  constructor(
    private readonly task: BackgroundTask,
    private readonly onGivenUp: (cause: Error) => void,
  ) {}

  /** Resolves with what the queue is called, once all runs. Throws what kept it from running. */
  start(): Promise<string> {
    const worker = new Worker(THREAD, {
      workerData: this.task,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      let cause = new Error('the background thread ended');
      let isReady = false;
      worker.on('message', (message: FromBackground) => {
        if (message.kind === 'waits') return this.waits();
        isReady = true;
        resolve(message.queueLabel);
      });
      worker.on('error', (error) => (cause = error));
      worker.on('exit', () => {
        this.worker = null;
        reject(cause);
        if (isReady && !this.isStopping) this.restart(cause);
      });
    });
  }

  /** Lets running jobs end, then the thread. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const { worker } = this;
    if (!worker) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('stop');
    await exited;
  }

  private restart(cause: Error): void {
    this.log.error('the thread of stages and API ended, starting it again', cause.stack);
    const nowMs = Date.now();
    while (this.restartsMs.length > 0 && this.restartsMs[0]! < nowMs - RESTART_WINDOW_MS) this.restartsMs.shift();
    if (this.restartsMs.push(nowMs) > MAX_RESTARTS) return this.onGivenUp(cause);
    setTimeout(() => {
      if (!this.isStopping) this.start().catch((error: Error) => this.restart(error));
    }, RESTART_MS);
  }
}
