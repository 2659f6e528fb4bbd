import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { incidentView } from '../model/incident-view.js';
import type { Rule, RuleValues } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS, windowOf } from '../model/window.js';
import { AlertStore } from '../store/alert.store.js';
import { alertId } from '../store/alert.store.js';
import { BacktestStore } from '../store/backtest.store.js';
import { CursorStore } from '../store/cursor.store.js';
import { IncidentStore } from '../store/incident.store.js';
import { isDatabaseOutage } from '../store/outage.js';
import { RuleStore } from '../store/rule.store.js';
import { isActive } from './active-hours.js';
import { BacktestWorker } from './backtest.worker.js';
import {
  BacktestInput,
  BacktestView,
  ExplainQuery,
  Explanation,
  HistoryQuery,
  RuleHistory,
  StoredBacktestInput,
} from './insight-contract.js';
import { MAX_ALERTS } from './evaluate.js';
import { failureOf, faultOf } from './failure.js';
import { BUDGET_WEEKS, matchIncident } from './match-incident.js';
import { ReplayData } from './replay-data.store.js';
import type { Condition } from './rule-data.js';
import { conditionsOf } from './rule-types/conditions.js';
import { RuleInput, RulePath, ruleValues } from './rules-contract.js';

const WEEK_MS = 7 * 24 * HOUR_MS;
const MAX_PERIOD_MS = 30 * 24 * HOUR_MS;
/** Windows are kept for a week. */
const FINE_KEPT_MS = WEEK_MS;
/** Stands for the id of a rule that is not stored. */
const NO_ID = '00000000-0000-4000-8000-000000000000';
const NO_DATA = errorAnswer(422, 'Nothing of that time was evaluated (`no_data`), or it is too long.');
const ENOUGH = errorAnswer(429, 'Enough backtests are under way; `Retry-After` says when to try again.');

@ApiTags('alerts')
@Controller('api/v1/rules')
export class InsightController {
  constructor(
    private readonly rules: RuleStore,
    private readonly alerts: AlertStore,
    private readonly incidents: IncidentStore,
    private readonly cursors: CursorStore,
    private readonly data: ReplayData,
    private readonly backtests: BacktestStore,
    private readonly worker: BacktestWorker,
  ) {}

  @Get(':id/history')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'Every change of state of the alerts of a rule, newest first, with its reason' })
  @ApiOkResponse({ standardSchema: RuleHistory, description: 'The changes.' })
  async history(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Query({ schema: HistoryQuery }) { limit, before }: HistoryQuery,
  ): Promise<RuleHistory> {
    await this.rules.get(tenantId, id);
    const found = await this.alerts.history(tenantId, id, limit, before);
    return {
      transitions: found.map(({ alertId: alert, sequence, atMs, from, to, reason, snapshot }) => ({
        alertId: alert,
        sequence,
        at: new Date(atMs).toISOString(),
        from,
        to,
        reason,
        labels: snapshot.labels,
        figures: snapshot.figures,
        incidentId: snapshot.incidentId,
      })),
    };
  }

  @Get(':id/explain')
  @ApiResponse(NO_DATA)
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({
    summary: 'Why a rule did or did not fire at an instant',
    description:
      'Each guard with its value and how far it was from its limit, by what is stored of that time; the rule as it is now.',
  })
  @ApiOkResponse({ standardSchema: Explanation, description: 'What the rule says of that instant.' })
  async explain(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Query({ schema: ExplainQuery }) { at, limit }: ExplainQuery,
  ): Promise<Explanation> {
    return this.explained(tenantId, await this.rules.get(tenantId, id), at, limit);
  }

  @Post('test')
  @ApiResponse(NO_DATA)
  @HttpCode(200)
  @RequireScope('read')
  @ApiOperation({ summary: 'What a rule that is not stored says now' })
  @ApiOkResponse({ standardSchema: Explanation, description: 'What it says of the last window.' })
  async testNew(@Tenant() tenantId: number, @Body({ schema: RuleInput }) input: RuleInput): Promise<Explanation> {
    return this.explained(tenantId, unstored(tenantId, ruleValues(input)), undefined, 100);
  }

  @Post(':id/test')
  @ApiResponse(NO_DATA)
  @ApiResponse(NOT_FOUND)
  @HttpCode(200)
  @RequireScope('read')
  @ApiOperation({ summary: 'What a rule says now' })
  @ApiOkResponse({ standardSchema: Explanation, description: 'What it says of the last window.' })
  async test(@Tenant() tenantId: number, @Param({ schema: RulePath }) { id }: RulePath): Promise<Explanation> {
    return this.explained(tenantId, await this.rules.get(tenantId, id), undefined, 100);
  }

  @Post('backtest')
  @ApiResponse(ENOUGH)
  @ApiResponse(NO_DATA)
  @HttpCode(202)
  @RequireScope('read')
  @ApiOperation({ summary: 'Replays a rule that is not stored over the past' })
  @ApiResponse({ status: 202, standardSchema: BacktestView, description: 'It has begun.' })
  async backtestNew(
    @Tenant() tenantId: number,
    @Body({ schema: BacktestInput }) { rule, from, to }: BacktestInput,
  ): Promise<BacktestView> {
    return this.begun(tenantId, unstored(tenantId, ruleValues(rule)), from, to);
  }

  @Post(':id/backtest')
  @ApiResponse(ENOUGH)
  @ApiResponse(NO_DATA)
  @ApiResponse(NOT_FOUND)
  @HttpCode(202)
  @RequireScope('read')
  @ApiOperation({ summary: 'Replays a rule over the past' })
  @ApiResponse({ status: 202, standardSchema: BacktestView, description: 'It has begun.' })
  async backtest(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Body({ schema: StoredBacktestInput }) { from, to }: StoredBacktestInput,
  ): Promise<BacktestView> {
    return this.begun(tenantId, await this.rules.get(tenantId, id), from, to);
  }

  @Get('backtests/:id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'How far a backtest has come, and what it found' })
  @ApiOkResponse({ standardSchema: BacktestView, description: 'The backtest.' })
  async result(@Tenant() tenantId: number, @Param({ schema: RulePath }) { id }: RulePath): Promise<BacktestView> {
    const { fromMs, toMs, result, ...shown } = await this.backtests.get(tenantId, id);
    return {
      ...shown,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      result: result as BacktestView['result'],
    };
  }

  private async begun(tenantId: number, rule: Rule, from?: Date, to?: Date): Promise<BacktestView> {
    const doneMs = await this.doneMs(tenantId);
    const toMs = windowOf(Math.min(to?.getTime() ?? doneMs, doneMs));
    const askedMs = windowOf(from?.getTime() ?? toMs - WEEK_MS);
    // Before the first span there is nothing to look at: an hour of data is replayed window by window, and its alerts are not those of a week.
    const fromMs = Math.max(askedMs, (await this.cursors.firstWindowMs(tenantId)) ?? askedMs);
    if (askedMs >= toMs || fromMs >= toMs)
      throw new Rejected('invalid_input', 'nothing of that period was evaluated yet', 422, 'from');
    if (toMs - askedMs > MAX_PERIOD_MS)
      throw new Rejected('invalid_input', 'must be at most 30 days before `to`', 422, 'from');
    const id = await this.worker.start(tenantId, rule, fromMs, toMs);
    return this.result(tenantId, { id });
  }

  private async explained(tenantId: number, rule: Rule, at: Date | undefined, limit: number): Promise<Explanation> {
    const doneMs = await this.doneMs(tenantId);
    const isFine = at === undefined || at.getTime() > Date.now() - FINE_KEPT_MS;
    const stepMs = isFine ? WINDOW_MS : MINUTE_MS;
    const nowMs = Math.floor(Math.min(at?.getTime() ?? doneMs, doneMs) / stepMs) * stepMs;
    const { conditions, error } = await this.said(tenantId, rule, nowMs, stepMs);
    const fault = rule.type === 'anomaly' ? faultOf(rule) : null;
    const states =
      rule.id === NO_ID ? new Map<string, never>() : await this.alerts.statesAt(tenantId, rule.id, new Date(nowMs));
    const shown = conditions.toSorted((a, b) => failing(a) - failing(b)).slice(0, limit);
    return {
      at: new Date(nowMs).toISOString(),
      resolution: isFine ? '10s' : '1m',
      active: rule.enabled && isAtWork(rule, nowMs),
      error: error ?? fault,
      total: conditions.length,
      leftOut: Math.max(0, conditions.filter(({ verdict }) => verdict === 'holds').length - MAX_ALERTS),
      conditions: shown.map(({ key, labels, verdict, failure, guards, figures }) => ({
        labels,
        verdict,
        error: failure ?? null,
        state: states.get(alertId(tenantId, rule.id, key)) ?? null,
        keptQuietBy: guards.filter(({ passes }) => !passes).map(({ name }) => name),
        guards: guards.map((guard) => ({
          ...guard,
          distance: guard.value === null ? null : guard.limit - guard.value,
        })),
        figures,
      })),
      incidents: rule.type === 'anomaly' && fault === null ? await this.incidentsAt(tenantId, rule, nowMs) : [],
    };
  }

  /** What a rule says, or why it cannot say anything. */
  private async said(
    tenantId: number,
    rule: Rule,
    nowMs: number,
    stepMs: number,
  ): Promise<{ conditions: Condition[]; error: string | null }> {
    try {
      const { data } = await this.data.load(tenantId, rule, nowMs - stepMs, nowMs, stepMs);
      return { conditions: conditionsOf({ ...rule, enabled: true }, data, nowMs), error: null };
    } catch (error) {
      if (error instanceof Rejected || isDatabaseOutage(error)) throw error;
      return { conditions: [], error: failureOf(error) };
    }
  }

  private async incidentsAt(
    tenantId: number,
    rule: Extract<Rule, { type: 'anomaly' }>,
    nowMs: number,
  ): Promise<Explanation['incidents']> {
    const past = await this.incidents.during(tenantId, nowMs - BUDGET_WEEKS * WEEK_MS, nowMs);
    const fired = await this.alerts.fired(tenantId, [rule.id], new Date(nowMs - WEEK_MS), new Date(nowMs));
    const known = await this.data.operations(tenantId);
    const context = { ...known, atMs: nowMs, past, fired: (ruleId: string) => fired.get(ruleId) ?? [] };
    return past
      .filter(({ resolvedMs, openedMs }) => openedMs <= nowMs && (resolvedMs ?? Infinity) > nowMs)
      .map((incident) => {
        const match = matchIncident(rule, incident, context);
        return { id: incident.id, title: incidentView(incident).title, matches: match === 'matches', reason: match };
      });
  }

  /** The end of the last window that rules were evaluated for. */
  private async doneMs(tenantId: number): Promise<number> {
    const progress = await this.cursors.progress(tenantId);
    if (progress === null) throw new Rejected('no_data', 'there are no spans yet', 422);
    return progress.evaluate;
  }
}

function unstored(tenantId: number, values: RuleValues): Rule {
  return { ...values, id: NO_ID, tenantId, epoch: 0 };
}

/** Within its active hours; hours that cannot be made out are none. */
function isAtWork({ activeHours }: Rule, nowMs: number): boolean {
  try {
    return isActive(activeHours, nowMs);
  } catch {
    return false;
  }
}

/** How many guards keep it quiet: fewest first. */
function failing({ guards }: Condition): number {
  return guards.filter(({ passes }) => !passes).length;
}
