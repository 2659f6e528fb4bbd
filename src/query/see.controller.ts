import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OpenToAll } from '../access/access.guard.js';
import { sendPage } from '../access/page-reply.js';
import { ReadLinks } from '../access/read-links.js';
import { JournalReader } from '../journal/read.js';
import { correlationViews } from '../model/correlation-view.js';
import { incidentView } from '../model/incident-view.js';
import { AlertViewsStore } from '../store/alert-views.store.js';
import { CorrelationStore } from '../store/correlation.store.js';
import { IncidentActionStore } from '../store/incident-action.store.js';
import { IncidentViewsStore } from '../store/incident-views.store.js';
import { SeePath } from './parameters.js';
import { alertPage, incidentPage, nothingPage, tracePage } from './see-page.js';
import { traceRows } from './trace-rows.js';

const MAX_SPANS = 1_000;
const MAX_TRACES = 5;
const GONE = 410;

/** Pages behind the links in messages that show what they tell of. The link is the permission to read this one incident, alert or trace. */
@ApiExcludeController()
@Controller('see')
export class SeeController {
  constructor(
    private readonly links: ReadLinks,
    private readonly incidents: IncidentViewsStore,
    private readonly alerts: AlertViewsStore,
    private readonly actions: IncidentActionStore,
    private readonly correlations: CorrelationStore,
    private readonly journal: JournalReader,
  ) {}

  @Get(':token')
  @OpenToAll()
  async see(@Param({ schema: SeePath }) { token }: SeePath, @Res() reply: FastifyReply): Promise<void> {
    const nowMs = Date.now();
    const claim = await this.links.read(token, nowMs);
    if (claim === 'expired') return sendPage(reply, GONE, nothingPage(claim));
    if (claim === 'unknown') return sendPage(reply, 404, nothingPage(claim));
    const { tenantId, kind, id } = claim;
    const page = await this[kind](tenantId, id, nowMs);
    sendPage(reply, page === null ? GONE : 200, page ?? nothingPage('gone'));
  }

  private async trace(tenantId: number, traceId: string): Promise<string | null> {
    const trace = await this.journal.trace(tenantId, traceId, { limit: MAX_SPANS });
    return trace && tracePage(traceId, traceRows(trace.spans), trace.total);
  }

  private async alert(tenantId: number, id: string, nowMs: number): Promise<string | null> {
    const story = await this.alerts.get(tenantId, id);
    return story && alertPage(story, await this.traceUrls(tenantId, story.alert.exemplars, nowMs));
  }

  private async incident(tenantId: number, id: string, nowMs: number): Promise<string | null> {
    const found = await this.incidents.get(tenantId, id);
    if (found === null) return null;
    const incident = incidentView(found.incident);
    const exemplars = [...(incident.causes[0]?.exemplars ?? []), ...incident.exemplars];
    const actions = await this.actions.list(tenantId, id);
    return incidentPage(
      { ...incident, ...correlationViews(await this.correlations.get(tenantId, id)) },
      actions,
      await this.traceUrls(tenantId, exemplars, nowMs),
    );
  }

  private async traceUrls(tenantId: number, exemplars: readonly string[], nowMs: number): Promise<string[]> {
    const ids = [...new Set(exemplars)].slice(0, MAX_TRACES);
    const urls = await Promise.all(ids.map((id) => this.links.url({ tenantId, kind: 'trace', id }, nowMs)));
    return urls.filter((url) => url !== null);
  }
}
