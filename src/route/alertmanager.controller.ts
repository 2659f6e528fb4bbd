import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OpenToAll, RequireScope, Tenant } from '../access/access.guard.js';
import { Rejected } from '../model/failure.js';
import { Bell } from '../queue/bell.js';
import { DatabaseClock } from '../store/database-clock.store.js';
import { OutsideAlertStore } from '../store/outside-alert.store.js';
import { RoutingStore } from '../store/routing.store.js';
import { SilenceStore } from '../store/silence.store.js';
import {
  alertmanagerAlert,
  alertmanagerSilence,
  AlertQuery,
  FilterQuery,
  PostedAlerts,
  PostedSilence,
  SilencePath,
  withoutEmpty,
} from './alertmanager-contract.js';
import { alertmanagerConfig } from './alertmanager-config.js';
import { DEFAULT_ROUTING } from './default-routing.js';
import { fingerprint } from './fingerprint.js';
import { matchesAll } from './matcher.js';
import { MatcherError, parseMatchers } from './parse-matcher.js';
import { placementsOf, routedLabels } from './place.js';
import { Inhibitor, silencedBy } from './suppress.js';

/** How long an alert without an end holds unless it is sent again, as Alertmanager's `resolve_timeout`. */
const RESOLVE_TIMEOUT_MS = 5 * 60_000;
const MAX_SHOWN = 20_000;
const STARTED_AT = new Date().toISOString();

/** Alertmanager's own API, version 2, so that amtool, Grafana, Karma and Prometheus work with Tracehound; described by its own document. */
@ApiExcludeController()
@Controller()
export class AlertmanagerController {
  constructor(
    private readonly outside: OutsideAlertStore,
    private readonly routing: RoutingStore,
    private readonly silences: SilenceStore,
    private readonly clock: DatabaseClock,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get(['-/healthy', '-/ready'])
  @OpenToAll()
  healthy(): string {
    return 'OK';
  }

  @Get('api/v2/status')
  @RequireScope('read')
  async status(@Tenant() tenantId: number) {
    const { routing, inhibitions, muteTimes } = await this.routing.rules(tenantId, await this.clock.nowMs());
    return {
      cluster: { name: '', peers: [], status: 'disabled' },
      config: { original: alertmanagerConfig(routing ?? DEFAULT_ROUTING, inhibitions, muteTimes) },
      uptime: STARTED_AT,
      versionInfo: { branch: '', buildDate: '', buildUser: '', goVersion: '', revision: '', version: 'tracehound' },
    };
  }

  @Get('api/v2/receivers')
  @RequireScope('read')
  async receivers(@Tenant() tenantId: number) {
    const { receivers } = (await this.routing.tree(tenantId)) ?? DEFAULT_ROUTING;
    return receivers.map(({ name }) => ({ name }));
  }

  @Get('api/v2/alerts')
  @RequireScope('read')
  async alerts(@Tenant() tenantId: number, @Query({ schema: AlertQuery }) query: AlertQuery) {
    return (await this.found(tenantId, query)).map(({ view }) => view);
  }

  @Get('api/v2/alerts/groups')
  @RequireScope('read')
  async groups(@Tenant() tenantId: number, @Query({ schema: AlertQuery }) query: AlertQuery) {
    const groups = new Map<string, { labels: Record<string, string>; receiver: { name: string }; alerts: unknown[] }>();
    for (const { view, placements } of await this.found(tenantId, query)) {
      for (const { key, labels, settings } of placements) {
        const group = groups.get(key) ?? { labels, receiver: { name: settings.receiver }, alerts: [] };
        group.alerts.push(view);
        groups.set(key, group);
      }
    }
    return [...groups.values()];
  }

  @Post('api/v2/alerts')
  @RequireScope('ingest', 'admin')
  @HttpCode(200)
  async post(@Tenant() tenantId: number, @Body({ schema: PostedAlerts }) posted: PostedAlerts): Promise<void> {
    const nowMs = await this.clock.nowMs();
    const sent = posted.map(({ labels, annotations, startsAt, endsAt, generatorURL }) => {
      const endsByTimeout = endsAt === undefined || Date.parse(endsAt) <= 0;
      const endsAtMs = endsByTimeout ? nowMs + RESOLVE_TIMEOUT_MS : Date.parse(endsAt);
      const startsAtMs =
        startsAt === undefined || Date.parse(startsAt) <= 0 ? Math.min(nowMs, endsAtMs) : Date.parse(startsAt);
      if (endsAtMs < startsAtMs) throw new Rejected('invalid_input', 'an alert ends before it starts', 400, 'endsAt');
      return {
        labels: withoutEmpty(labels),
        annotations: withoutEmpty(annotations),
        startsAtMs,
        endsAtMs,
        endsByTimeout,
        generatorUrl: generatorURL ?? null,
      };
    });
    await this.outside.receive(tenantId, sent, nowMs);
    await this.bell.ring('route', tenantId);
  }

  @Get('api/v2/silences')
  @RequireScope('read')
  async listSilences(@Tenant() tenantId: number, @Query({ schema: FilterQuery }) { filter }: FilterQuery) {
    const nowMs = await this.clock.nowMs();
    const wanted = matchersOf(filter, 'filter');
    const all = await this.silences.list(tenantId);
    // As in Alertmanager a filter is held against what the silence's matchers say of a label.
    const shown = all.filter(({ matchers }) => {
      const labels = Object.fromEntries(matchers.map(({ name, value }) => [name, value]));
      return matchesAll(wanted, labels);
    });
    return shown.map((silence) => alertmanagerSilence(silence, nowMs));
  }

  @Post('api/v2/silences')
  @RequireScope('admin')
  @HttpCode(200)
  async postSilence(
    @Tenant() tenantId: number,
    @Body({ schema: PostedSilence }) { id, matchers, startsAt, endsAt, createdBy, comment }: PostedSilence,
  ): Promise<{ silenceID: string }> {
    const nowMs = await this.clock.nowMs();
    const values = { matchers, startsAtMs: Date.parse(startsAt), endsAtMs: Date.parse(endsAt), createdBy, comment };
    const isNew = id === undefined || id === '';
    const made = isNew
      ? await this.silences.create(tenantId, values, nowMs)
      : await this.silences.replace(tenantId, id, values, nowMs);
    await this.bell.ring('route', tenantId);
    return { silenceID: made.id };
  }

  @Get('api/v2/silence/:id')
  @RequireScope('read')
  async silence(@Tenant() tenantId: number, @Param({ schema: SilencePath }) { id }: SilencePath) {
    return alertmanagerSilence(await this.silences.get(tenantId, id), await this.clock.nowMs());
  }

  @Delete('api/v2/silence/:id')
  @RequireScope('admin')
  @HttpCode(200)
  async expire(@Tenant() tenantId: number, @Param({ schema: SilencePath }) { id }: SilencePath): Promise<void> {
    await this.silences.expire(tenantId, id, await this.clock.nowMs());
    await this.bell.ring('route', tenantId);
  }

  private async found(tenantId: number, query: AlertQuery) {
    const nowMs = await this.clock.nowMs();
    const rules = await this.routing.rules(tenantId, nowMs);
    const routing = rules.routing ?? DEFAULT_ROUTING;
    const firing = await this.outside.firing(tenantId, MAX_SHOWN);
    const inhibitor = new Inhibitor(
      rules.inhibitions,
      firing.map((alert) => ({ id: alert.id, labels: routedLabels(alert) })),
    );
    const labelsById = new Map(firing.map((alert) => [alert.id, alert.labels]));
    const wanted = matchersOf(query.filter, 'filter');
    const receiver =
      query.receiver === undefined ? [] : matchersOf([`receiver=~${JSON.stringify(query.receiver)}`], 'receiver');
    const found = firing.flatMap((alert) => {
      const labels = routedLabels(alert);
      if (!matchesAll(wanted, labels)) return [];
      const placements = placementsOf(routing, alert, null).filter(({ settings }) =>
        matchesAll(receiver, { receiver: settings.receiver }),
      );
      if (placements.length === 0) return [];
      const by = {
        silencedBy: silencedBy(labels, rules.silences, nowMs),
        inhibitedBy: inhibitor.inhibitedBy(labels).map((id) => fingerprint(labelsById.get(id) ?? {})),
      };
      const isHeld = by.silencedBy.length + by.inhibitedBy.length > 0;
      if (by.silencedBy.length > 0 && !query.silenced) return [];
      if (by.inhibitedBy.length > 0 && !query.inhibited) return [];
      if (!isHeld && !(alert.isRouted ? query.active : query.unprocessed)) return [];
      const names = placements.map(({ settings }) => settings.receiver);
      return [{ view: alertmanagerAlert(alert, names, by), placements }];
    });
    return found.toSorted((a, b) => (a.view.fingerprint < b.view.fingerprint ? -1 : 1));
  }
}

function matchersOf(texts: readonly string[], field: 'filter' | 'receiver') {
  try {
    return texts.flatMap((text) => parseMatchers(text));
  } catch (error) {
    if (error instanceof MatcherError) throw new Rejected('invalid_input', `${field}: ${error.message}`, 400, field);
    throw error;
  }
}
