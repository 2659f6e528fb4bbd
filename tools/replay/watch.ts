import { setTimeout as sleep } from 'node:timers/promises';
import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import type { IncidentView } from '../../src/query/incidents-contract.js';
import type { PipelineView } from '../../src/query/system-contract.js';
import type { Api } from '../client/api.js';

const POLL_MS = 1_000;

/** Looks at the service once a second, and lives with its being away for a while. */
export class Watch {
  pipeline: PipelineView | null = null;
  incidents: IncidentView[] = [];
  private readonly stopped = new AbortController();
  private readonly looking: Promise<void>;

  constructor(private readonly api: Api) {
    this.looking = this.look();
  }

  /** Event time (ms) through which incidents are decided, or null before the first window. */
  get doneThroughMs(): number | null {
    const done = this.pipeline?.stages.incident;
    return done ? Date.parse(done) : null;
  }

  /** Whether everything up to a span end at `lastEndMs` is decided and told. */
  isDone(lastEndMs: number): boolean {
    if (!this.pipeline || this.pipeline.undecidedEvents > 0 || this.pipeline.pendingNotifications > 0) return false;
    return (this.doneThroughMs ?? 0) >= windowOf(lastEndMs) + WINDOW_MS;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.looking;
  }

  private async look(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        this.pipeline = await this.api.pipeline();
        this.incidents = await this.api.incidents();
      } catch {
        // It is away or busy; the figures shown are those of the last look.
      }
      await sleep(POLL_MS, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }
}
