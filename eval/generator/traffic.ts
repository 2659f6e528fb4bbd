import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import type { Deploy } from './deploy.js';
import { Random } from './random.js';
import { seasonAt } from './season.js';
import type { Entry, System } from './system.js';
import { type GeneratedSpan, Tracer } from './trace.js';

export interface TrafficPlan {
  fromMs: number;
  toMs: number;
  seed: number;
  deploys: readonly Deploy[];
}

/** From window to window, services and entries wander this much around their mean (standard deviation of the logarithm) … */
const PACE_SIGMA = 0.04;
const RATE_SIGMA = 0.06;
/** … and a tenth of the way back to it. */
const RETURN = 0.1;

/**
 * The spans of one window after the other, each in the window in which it ends; the same for the same system and plan. A window is handed out
 * when the next one has been made, since clocks that are off may put spans back. Memory: what is under way.
 */
export function* traffic(system: System, plan: TrafficPlan): Generator<{ windowAtMs: number; spans: GeneratedSpan[] }> {
  const random = new Random(plan.seed, 'traffic');
  const pending = new Map<number, GeneratedSpan[]>();
  const tracer = new Tracer(random, (span) => {
    const atMs = windowOf(span.endUs / 1000);
    const list = pending.get(atMs);
    if (list === undefined) pending.set(atMs, [span]);
    else list.push(span);
  });
  const pace = new Wander(random, PACE_SIGMA, system.services.length);
  const rate = new Wander(random, RATE_SIGMA, system.entries.length);
  const basePace = system.services.map((service) => service.pace);

  for (let atMs = plan.fromMs; atMs <= plan.toMs; atMs += WINDOW_MS) {
    for (const deploy of plan.deploys) deploy.apply(atMs, basePace);
    pace.step();
    rate.step();
    system.services.forEach((service, i) => (service.pace = basePace[i]! * pace.at(i)));
    system.entries.forEach((entry, i) => {
      const season = seasonAt(entry.season, atMs);
      for (const startUs of arrivals(entry, atMs, season * rate.at(i), random)) tracer.request(entry, startUs, season);
    });
    const readyMs = atMs - WINDOW_MS;
    if (readyMs < plan.fromMs) continue;
    yield { windowAtMs: readyMs, spans: pending.get(readyMs) ?? [] };
    pending.delete(readyMs);
  }
}

/** Instants (µs) within the window at which requests come in, those that head sampling keeps. */
function arrivals(entry: Entry, atMs: number, factor: number, random: Random): number[] {
  if (entry.everyMs !== null) {
    const first = Math.ceil(atMs / entry.everyMs) * entry.everyMs;
    // Timers fire a moment late.
    return first < atMs + WINDOW_MS ? [first * 1000 + random.between(0, 200_000)] : [];
  }
  let perSecond = entry.perSecond * factor * entry.sampling;
  for (const effect of entry.effects) {
    if (atMs * 1000 < effect.fromUs || atMs * 1000 >= effect.toUs) continue;
    perSecond *= effect.rateFactor;
    effect.touched++;
  }
  const n = random.poisson((perSecond * WINDOW_MS) / 1000);
  return Array.from({ length: n }, () => atMs * 1000 + random.next() * WINDOW_MS * 1000);
}

/** Log-normal factors around 1 that change slowly: an autoregressive process of order one. */
class Wander {
  private readonly logs: Float64Array;

  constructor(
    private readonly random: Random,
    private readonly sigma: number,
    n: number,
  ) {
    this.logs = Float64Array.from({ length: n }, () => sigma * random.normal());
  }

  step(): void {
    const fresh = this.sigma * Math.sqrt(1 - (1 - RETURN) ** 2);
    for (let i = 0; i < this.logs.length; i++) {
      this.logs[i] = this.logs[i]! * (1 - RETURN) + fresh * this.random.normal();
    }
  }

  at(i: number): number {
    return Math.exp(this.logs[i]!);
  }
}
