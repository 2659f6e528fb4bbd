import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type EventBaseline, type EventBaselines, type EventTemplate, eventKey, fromEventKey } from '../model/event.js';

interface TemplateRow {
  template_id: string;
  service_id: number;
  source: EventTemplate['source'];
  severity: number;
  text: string;
}

interface BaselineRow {
  template_id: string;
  operation_id: number;
  state: EventBaseline;
}

/** More than one statement changes, many times over. */
const CHANGES_UNDER_WAY = 1_000;

/** Event templates, and how often each is normal. */
@Injectable()
export class EventStore {
  constructor(private readonly db: DataSource) {}

  /** In the order in which they were first seen. */
  async templates(tenantId: number): Promise<EventTemplate[]> {
    const rows = await this.db.query<TemplateRow[]>(
      `select template_id, service_id, source, severity, text from event_templates where tenant_id = $1 order by ordinal`,
      [tenantId],
    );
    return rows.map(templateOf);
  }

  /** New ones, and those whose text got wider. */
  async saveTemplates(tenantId: number, templates: readonly EventTemplate[], seenMs: number): Promise<void> {
    if (templates.length === 0) return;
    await this.db.query(
      `insert into event_templates as t (tenant_id, first_seen_at, template_id, service_id, source, severity, text)
       select $1, $2, * from unnest($3::int8[], $4::int4[], $5::text[], $6::int2[], $7::text[])
       on conflict (tenant_id, template_id) do update set text = excluded.text, change_no = nextval('event_template_changes')`,
      [
        tenantId,
        new Date(seenMs),
        templates.map(({ id }) => id),
        templates.map(({ serviceId }) => serviceId),
        templates.map(({ source }) => source),
        templates.map(({ severity }) => severity),
        templates.map(({ text }) => text),
      ],
    );
  }

  /**
   * Those that are new, or got wider, since the change of that number (null: all), and the number of the last change. A few come again and again:
   * who took a number a moment earlier may commit a moment later.
   */
  async changedSince(
    tenantId: number,
    changeNo: number | null,
  ): Promise<{ templates: EventTemplate[]; changeNo: number }> {
    const rows = await this.db.query<(TemplateRow & { change_no: string })[]>(
      `select template_id, service_id, source, severity, text, change_no
         from event_templates where tenant_id = $1 and change_no > $2 order by ordinal`,
      [tenantId, changeNo === null ? -1 : changeNo - CHANGES_UNDER_WAY],
    );
    const last = rows.reduce((most, row) => Math.max(most, Number(row.change_no)), changeNo ?? 0);
    return { templates: rows.map(templateOf), changeNo: last };
  }

  async baselines(tenantId: number): Promise<EventBaselines> {
    const rows = await this.db.query<BaselineRow[]>(
      `select template_id, operation_id, state from event_baselines where tenant_id = $1 order by template_id, operation_id`,
      [tenantId],
    );
    return new Map(rows.map((row) => [eventKey(Number(row.template_id), row.operation_id), row.state]));
  }

  /** Writes the baselines that changed, and ends those that were forgotten. */
  async saveBaselines(
    tx: EntityManager,
    tenantId: number,
    learnedThroughMs: number,
    baselines: EventBaselines,
    changed: ReadonlySet<string>,
  ): Promise<void> {
    const kept = [...changed].filter((key) => baselines.has(key));
    const forgotten = [...changed].filter((key) => !baselines.has(key)).map(fromEventKey);
    if (kept.length > 0) {
      const keys = kept.map(fromEventKey);
      await tx.query(
        `insert into event_baselines (tenant_id, learned_through, template_id, operation_id, state)
         select $1, $2, * from unnest($3::int8[], $4::int4[], $5::jsonb[])
         on conflict (tenant_id, template_id, operation_id) do update
            set learned_through = excluded.learned_through, state = excluded.state`,
        [
          tenantId,
          new Date(learnedThroughMs),
          keys.map(({ templateId }) => templateId),
          keys.map(({ operationId }) => operationId),
          kept.map((key) => JSON.stringify(baselines.get(key))),
        ],
      );
    }
    if (forgotten.length > 0) {
      await tx.query(
        `delete from event_baselines b using unnest($2::int8[], $3::int4[]) as gone (template_id, operation_id)
          where b.tenant_id = $1 and b.template_id = gone.template_id and b.operation_id = gone.operation_id`,
        [tenantId, forgotten.map(({ templateId }) => templateId), forgotten.map(({ operationId }) => operationId)],
      );
    }
  }
}

function templateOf({ template_id, service_id: serviceId, source, severity, text }: TemplateRow): EventTemplate {
  return { id: Number(template_id), serviceId, source, severity, text };
}
