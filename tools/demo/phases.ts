import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../client/api.js';
import { bar, duration } from '../client/screen.js';
import type { Screen } from '../client/screen.js';
import type { Load } from './load.js';
import type { Told } from './story.js';

/** The shop answers eleven kinds of requests; each has to be seen and known before the fault. */
const SERVED_OPERATIONS = 11;
/** What the learning usually takes; the bar needs something to go by. */
const USUAL_LEARNING_MS = 240_000;

/** A webhook with a right signature. */
export interface Arrival {
  message: Told;
  atMs: number;
}

/** The waiting parts of the demo: each shows on the screen what goes on, and ends early when `signal` is aborted. */
export class Phases {
  constructor(
    private readonly api: Api,
    private readonly load: Load,
    private readonly arrivals: readonly Arrival[],
    private readonly screen: Screen,
    private readonly signal: AbortSignal,
  ) {}

  /** Waits until every request that the shop serves has a baseline; false when that takes longer than `minutes`. */
  async learn(minutes: number): Promise<boolean> {
    const began = Date.now();
    while (!this.signal.aborted) {
      const { operations } = await this.api.operations();
      const served = operations.filter((operation) => operation.kind === 'server');
      const ready = served.filter((operation) => operation.baseline?.state === 'ready').length;
      const tookMs = Date.now() - began;
      if (served.length >= SERVED_OPERATIONS && ready === served.length) {
        this.say(`It knows all ${ready} kinds of requests after ${duration(tookMs / 1000)}. ${this.customers()}`);
        return true;
      }
      if (tookMs > minutes * 60_000) {
        this.say(`It is still learning after ${minutes} minutes (${ready} of ${SERVED_OPERATIONS} known): giving up.`);
        return false;
      }
      this.screen.show(
        `${bar(Math.min(0.95, tookMs / USUAL_LEARNING_MS))} learning, ${ready} of ${SERVED_OPERATIONS} known. ${this.customers()}`,
      );
      await this.sleep(1_000);
    }
    return false;
  }

  /** Waits for a message that fits and came after `sinceMs`; null when none comes in time. */
  async message(
    what: string,
    sinceMs: number,
    patienceMs: number,
    fits: (message: Told) => boolean,
  ): Promise<Arrival | null> {
    while (!this.signal.aborted) {
      const found = this.arrivals.find(({ message, atMs }) => atMs >= sinceMs && fits(message));
      if (found) return found;
      const waitedMs = Date.now() - sinceMs;
      if (waitedMs > patienceMs) {
        this.say(`Nothing came within ${duration(patienceMs / 1000)}.`);
        return null;
      }
      this.screen.show(`${what}, ${duration(waitedMs / 1000)}. ${this.customers()}`);
      await this.sleep(250);
    }
    return null;
  }

  async pause(what: string, ms: number): Promise<void> {
    for (const until = Date.now() + ms; Date.now() < until && !this.signal.aborted; await this.sleep(500)) {
      this.screen.show(`${what}. ${this.customers()}`);
    }
  }

  private customers(): string {
    const { perSecond, p95Ms, failed } = this.load.figures();
    return `Customers: ${perSecond.toFixed(0)}/s, p95 ${p95Ms.toFixed(0)} ms, ${(failed * 100).toFixed(0)} % failed`;
  }

  private say(text: string): void {
    this.screen.done();
    this.screen.say(text);
  }

  private async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }
}
