import { Injectable, Logger } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AlertTransition } from '../model/alert.js';
import { displayText } from '../model/display.js';
import { Rejected, Unavailable } from '../model/failure.js';
import type { Incident } from '../model/incident.js';
import { incidentView } from '../model/incident-view.js';
import type { Rule } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { BacktestStore } from '../store/backtest.store.js';
import { IncidentStore } from '../store/incident.store.js';
import type { BacktestResult } from './insight-contract.js';
import { BUDGET_WEEKS } from './match-incident.js';
import { compareWithIncidents, type Firing, firingsOf, perWeek, replay, replayIncidents } from './replay.js';
import { ReplayData } from './replay-data.store.js';

/** A period up to this is replayed window by window, a longer one minute by minute. */
const FINE_UP_TO_MS = 6 * HOUR_MS;
/** Windows are kept for so long, minutes for longer. */
const FINE_KEPT_MS = 7 * 24 * HOUR_MS;
const MAX_RUNNING = 2;
/** Steps between two looks at the clock. */
const STEPS_A_TURN = 20;
const REPORT_EVERY_MS = 500;
/** Share of the work that is reading what was stored, about. */
const LOADING = 0.5;
const MAX_SHOWN = 1_000;
const MAX_INCIDENTS = 200;

/** Replays rules over what is stored, a few at a time. */
@Injectable()
export class BacktestWorker {
  private readonly log = new Logger('backtest');
  private running = 0;

  constructor(
    private readonly backtests: BacktestStore,
    private readonly data: ReplayData,
    private readonly incidents: IncidentStore,
  ) {}

  /** Begins one and returns its id; its progress is in the store. Throws Unavailable (429) when enough are under way. */
  async start(tenantId: number, rule: Rule, fromMs: number, toMs: number): Promise<string> {
    if (this.running >= MAX_RUNNING) {
      throw new Unavailable(`${MAX_RUNNING} backtests are under way`, 5, { status: 429 });
    }
    this.running++;
    try {
      const id = await this.backtests.begin(tenantId, rule, fromMs, toMs);
      void this.finish(tenantId, id, rule, fromMs, toMs);
      return id;
    } catch (error) {
      this.running--;
      throw error;
    }
  }

  /** What a rule would have done over (fromMs, toMs]; `report` is told of the progress, from 0 to 1. */
  async run(
    tenantId: number,
    rule: Rule,
    fromMs: number,
    toMs: number,
    report: (progress: number) => Promise<void> = () => Promise.resolve(),
    nowMs = Date.now(),
  ): Promise<{ result: BacktestResult; transitions: AlertTransition[] }> {
    const isFine = rule.type === 'trace_match' || (toMs - fromMs <= FINE_UP_TO_MS && fromMs > nowMs - FINE_KEPT_MS);
    const looksAtSeries = rule.type !== 'anomaly' || rule.sensitivity === 'high';
    const stepMs = isFine || rule.type === 'anomaly' ? WINDOW_MS : MINUTE_MS;
    const first = Math.ceil(fromMs / stepMs) * stepMs;
    const transitions: AlertTransition[] = [];
    let coveredMs = first;
    if (looksAtSeries) {
      let reportedMs = performance.now();
      const now = async (progress: number): Promise<void> => {
        if (performance.now() - reportedMs < REPORT_EVERY_MS) return;
        reportedMs = performance.now();
        await report(Math.min(0.99, progress));
      };
      const loaded = await this.data.load(tenantId, rule, first, toMs, stepMs, (share) => now(LOADING * share));
      coveredMs = loaded.fromMs;
      let steps = 0;
      for (const some of replay(rule, loaded.data, coveredMs, toMs, stepMs)) {
        transitions.push(...some);
        if (++steps % STEPS_A_TURN !== 0) continue;
        await nextTurn();
        await now(LOADING + ((1 - LOADING) * steps * stepMs) / (toMs - coveredMs));
      }
    }
    if (rule.type === 'anomaly') {
      const events = await this.incidents.eventsBetween(tenantId, first, toMs);
      const past =
        rule.budgetPerWeek === null
          ? []
          : await this.incidents.during(tenantId, first - BUDGET_WEEKS * 7 * 24 * HOUR_MS, toMs);
      transitions.push(...replayIncidents(rule, events, past, await this.data.operations(tenantId)));
      transitions.sort((a, b) => a.atMs - b.atMs);
    }
    const incidents = await this.incidents.during(tenantId, coveredMs, toMs);
    const firings = firingsOf(transitions);
    const failure = transitions.find(({ to }) => to === 'error')?.reason ?? null;
    const notes = notesOf(rule, stepMs, coveredMs > first, failure);
    return { result: resultOf(firings, incidents, coveredMs, toMs, stepMs, notes), transitions };
  }

  private async finish(tenantId: number, id: string, rule: Rule, fromMs: number, toMs: number): Promise<void> {
    try {
      const { result } = await this.run(tenantId, rule, fromMs, toMs, (progress) =>
        this.backtests.progress(tenantId, id, progress),
      );
      await this.backtests.done(tenantId, id, result);
    } catch (error) {
      if (error instanceof Rejected) {
        await this.backtests.failed(tenantId, id, error.message).catch(() => undefined);
        return;
      }
      this.log.error(`backtest ${id} failed: ${error instanceof Error ? error.stack : String(error)}`);
      await this.backtests
        .failed(tenantId, id, 'internal error; the log of the service says more')
        .catch(() => undefined);
    } finally {
      this.running--;
    }
  }
}

function resultOf(
  firings: readonly Firing[],
  incidents: readonly Incident[],
  fromMs: number,
  toMs: number,
  stepMs: number,
  notes: string[],
): BacktestResult {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const { caught, missed, elsewhere } = compareWithIncidents(firings, incidents, toMs);
  const title = (incident: Incident): string => displayText(incidentView(incident).title, 300);
  const seconds = ({ firedAtMs, endedAtMs }: Firing): number => ((endedAtMs ?? toMs) - firedAtMs) / 1_000;
  return {
    from: iso(fromMs),
    to: iso(toMs),
    resolution: stepMs === WINDOW_MS ? '10s' : '1m',
    notes,
    firings: firings.length,
    alertsPerWeek: perWeek(firings.length, toMs - fromMs),
    firingSeconds: firings.reduce((sum, firing) => sum + seconds(firing), 0),
    shown: firings.slice(0, MAX_SHOWN).map((firing) => ({
      labels: firing.labels,
      activeAt: iso(firing.activeAtMs),
      firedAt: iso(firing.firedAtMs),
      endedAt: firing.endedAtMs === null ? null : iso(firing.endedAtMs),
      seconds: seconds(firing),
      figures: firing.figures,
      incidentId: firing.incidentId,
    })),
    incidents: {
      caught: caught.slice(0, MAX_INCIDENTS).map(({ incident, afterMs }) => ({
        id: incident.id,
        title: title(incident),
        openedAt: iso(incident.openedMs),
        afterSeconds: afterMs / 1_000,
      })),
      missed: missed.slice(0, MAX_INCIDENTS).map((incident) => ({
        id: incident.id,
        title: title(incident),
        openedAt: iso(incident.openedMs),
      })),
      firingsElsewhere: elsewhere,
    },
  };
}

function notesOf(rule: Rule, stepMs: number, isCut: boolean, failure: string | null): string[] {
  return [
    ...(failure === null ? [] : [`could not be evaluated at some instants: ${failure}`]),
    ...(stepMs === WINDOW_MS
      ? []
      : [
          'evaluated once a minute on rollups of minutes: what begins or ends within a minute is seen at its end, and windows are whole minutes',
        ]),
    ...(rule.type === 'anomaly'
      ? ['looks at what was found and opened then, with what was normal as it was known then']
      : []),
    ...(rule.type === 'trace_match'
      ? [
          `reads up to 200 traces a window from what is left of the journal${isCut ? '; there was no time for more of the past than this' : ''}`,
        ]
      : []),
    ...(rule.type === 'structural' ? ['calls are counted in the sampled traces of each window'] : []),
  ];
}
