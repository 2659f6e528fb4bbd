import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type EventBaseline, type EventKnowledge, type EventTemplate, eventKey, fromEventKey } from '../model/event.js';

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
    return rows.map(({ template_id, service_id: serviceId, source, severity, text }) => ({
      id: Number(template_id),
      serviceId,
      source,
      severity,
      text,
    }));
  }

  /** New ones, and those whose text got wider. */
  async saveTemplates(tenantId: number, templates: readonly EventTemplate[], seenMs: number): Promise<void> {
    if (templates.length === 0) return;
    await this.db.query(
      `insert into event_templates as t (tenant_id, first_seen_at, template_id, service_id, source, severity, text)
       select $1, $2, * from unnest($3::int8[], $4::int4[], $5::text[], $6::int2[], $7::text[])
       on conflict (tenant_id, template_id) do update set text = excluded.text`,
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

  async load(tenantId: number): Promise<EventKnowledge> {
    const [templates, baselines, operations] = await Promise.all([
      this.templates(tenantId),
      this.db.query<BaselineRow[]>(
        `select template_id, operation_id, state from event_baselines where tenant_id = $1 order by template_id, operation_id`,
        [tenantId],
      ),
      this.db.query<{ id: number; service_id: number }[]>(
        `select id, service_id from operations where tenant_id = $1`,
        [tenantId],
      ),
    ]);
    return {
      templates: new Map(templates.map((template) => [template.id, template])),
      baselines: new Map(baselines.map((row) => [eventKey(Number(row.template_id), row.operation_id), row.state])),
      serviceOf: new Map(operations.map((row) => [row.id, row.service_id])),
    };
  }

  /** Writes the baselines that changed, and ends those that were forgotten. */
  async saveBaselines(
    tx: EntityManager,
    tenantId: number,
    learnedThroughMs: number,
    { baselines }: EventKnowledge,
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
