import { Inject, Injectable, Logger } from '@nestjs/common';
import { TracesStore } from '../journal/traces.store.js';
import type { Comparison, CorrelationReport } from '../model/correlation.js';
import { MINUTE_MS, WINDOW_MS, windowOf } from '../model/window.js';
import { Bell } from '../queue/bell.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { CorrelationStore } from '../store/correlation.store.js';
import { VersionStore } from '../store/version.store.js';
import { correlate } from './correlate.js';
import { type DueComparison, dueComparisons, LONGEST_WAIT_MS } from './due.js';
import { firstSeenOf } from './first-seen.js';
import { interleaved, type Split, splitTraces, valuesOf } from './split.js';
import { type Target, targetsOf } from './target.js';

/** An incident that lasts is compared over its last ten minutes, and with the ten minutes before it. */
const LOOK_BACK_MS = 10 * MINUTE_MS;
/** Calls may end in an earlier window than their caller. */
const CALL_SLACK_MS = MINUTE_MS;

/** Steps of incidents → what distinguishes their bad traces. An incident that cannot be compared holds up nobody. */
@Injectable()
export class CorrelateWorker {
  private readonly log = new Logger('correlate');

  constructor(
    private readonly runner: StageRunner,
    private readonly anomalies: AnomalyStore,
    private readonly traces: TracesStore,
    private readonly versions: VersionStore,
    private readonly correlations: CorrelationStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  async run(tenantId: number): Promise<void> {
    let hasSteps = false;
    await this.runner.run('correlate', tenantId, async ({ fromMs, toMs }) => {
      const steps = await this.correlations.steps(tenantId, fromMs - LONGEST_WAIT_MS, toMs);
      hasSteps ||= steps.some((step) => step.atMs > fromMs);
      const reports: { incidentId: string; report: CorrelationReport }[] = [];
      for (const due of dueComparisons(steps, fromMs, toMs)) {
        reports.push({ incidentId: due.event.incidentId, report: await this.report(tenantId, due) });
      }
      return async (tx) => {
        for (const { incidentId, report } of reports) await this.correlations.save(tx, tenantId, incidentId, report);
      };
    });
    if (hasSteps) await this.bell.ring('alert', tenantId);
  }

  private async report(tenantId: number, due: DueComparison): Promise<CorrelationReport> {
    const { throughMs } = due;
    try {
      const found = await this.compare(tenantId, due);
      if (typeof found !== 'string') return found;
      return { outcome: 'not_comparable', reason: found, throughMs, compared: null, correlations: [] };
    } catch (error) {
      this.log.warn(`traces of incident ${due.event.incidentId} could not be compared: ${String(error)}`);
      const reason = 'an error in Tracehound; its log says more';
      return { outcome: 'failed', reason, throughMs, compared: null, correlations: [] };
    }
  }

  /** A reason instead of a report when there is nothing to compare. */
  private async compare(tenantId: number, due: DueComparison): Promise<CorrelationReport | string> {
    const { snapshot, atMs } = due.event;
    const findings = await this.anomalies.raised(tenantId, atMs - WINDOW_MS, atMs);
    let reason = 'nothing that deviates tells bad traces from good ones';
    for (const target of targetsOf(findings, snapshot)) {
      const split = await this.split(tenantId, target, due.throughMs);
      if (typeof split !== 'string') return this.correlate(tenantId, due, target, split);
      reason = split;
    }
    return reason;
  }

  private async split(
    tenantId: number,
    target: Target,
    throughMs: number,
  ): Promise<(Split & { left: number }) | string> {
    const beganMs = windowOf(target.sinceMs);
    const now = await this.values(tenantId, target, windowOf(Math.max(beganMs, throughMs - LOOK_BACK_MS)), throughMs);
    const before = await this.values(tenantId, target, beganMs - LOOK_BACK_MS, beganMs);
    const split = splitTraces(target.bad, now.values, before.values);
    return typeof split === 'string' ? split : { ...split, left: now.left };
  }

  private async correlate(
    tenantId: number,
    { event, throughMs }: DueComparison,
    target: Target,
    { bad, good, goodFrom, left }: Split & { left: number },
  ): Promise<CorrelationReport> {
    const sample = await this.traces.terms(tenantId, interleaved({ bad, good }), throughMs * 1_000);
    const services = [...new Set(sample.places.map(({ service }) => service))];
    const known = await this.versions.load(tenantId, services);
    const firstSeen = firstSeenOf(known, event.snapshot.startedMs, throughMs);
    const { correlations, tested } = correlate(sample, bad, good, firstSeen);
    const operation = (await this.anomalies.operations(tenantId)).get(target.operationId);
    const compared: Comparison = {
      service: operation?.service ?? '',
      operation: operation?.name ?? '',
      bad: target.bad,
      goodFrom,
      badN: bad.filter((traceId) => sample.traces.has(traceId)).length,
      goodN: good.filter((traceId) => sample.traces.has(traceId)).length,
      tested,
      left: left === 0 ? sample.left : { ...sample.left, spans_of_operation: left },
    };
    const outcome = correlations.length > 0 ? 'correlated' : 'nothing';
    const reason = `${correlations.length} of ${tested} values tell bad traces from good ones`;
    return { outcome, reason, throughMs, compared, correlations };
  }

  /** What tells bad traces from good ones, for the traces of an operation whose spans ended in the windows [fromMs, toMs). */
  private async values(
    tenantId: number,
    { operationId, calleeId, bad }: Target,
    fromMs: number,
    toMs: number,
  ): Promise<{ values: Map<string, number>; left: number }> {
    const own = await this.traces.operation(tenantId, operationId, fromMs, toMs);
    const calls =
      calleeId === null ? null : await this.traces.operation(tenantId, calleeId, fromMs - CALL_SLACK_MS, toMs);
    return {
      values: valuesOf(bad, own.postings, calls?.postings ?? []),
      left: own.left + (calls?.left ?? 0),
    };
  }
}
