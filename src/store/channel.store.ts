import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import type { Channel, ChannelSettings, ChannelType } from '../model/channel.js';
import { Rejected } from '../model/failure.js';
import { newSigningSecret, openSecret, rotated, sealSecret, type ChannelSecret } from './channel-secret.js';
import { SecretBox } from './secret-box.js';
import { isUniqueViolation } from './sql-state.js';

const MAX_CHANNELS = 100;

/** What may be shown of a channel. */
export interface ChannelSummary {
  id: string;
  name: string;
  type: ChannelType;
  enabled: boolean;
  urlShown: string;
  /** Of its settings, what is not secret. */
  shown: Record<string, unknown>;
  disabledReason: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface ChannelChange {
  name?: string | undefined;
  enabled?: boolean | undefined;
  url?: { full: string; shown: string } | undefined;
  /** Those that are given replace those that were. */
  settings?: Partial<ChannelSettings[ChannelType]> | undefined;
  shown?: Record<string, unknown> | undefined;
  rotateSecret?: boolean | undefined;
}

export interface NewChannel {
  name: string;
  type: ChannelType;
  enabled: boolean;
  url: { full: string; shown: string };
  settings?: ChannelSettings[ChannelType];
  shown?: Record<string, unknown>;
}

/** A summary and, when one was made just now, the signing secret: the only time it is told. */
export type ChannelWithNewSecret = ChannelSummary & { signingSecret?: string };

interface Row {
  id: string;
  tenant_id: number;
  name: string;
  type: ChannelType;
  enabled: boolean;
  secret: Buffer;
  url_shown: string;
  shown: Record<string, unknown>;
  disabled_reason: string | null;
  created_at: Date;
  updated_at: Date;
}

/** Channels of a tenant. URLs and signing secrets are sealed in the database and opened only to send. */
@Injectable()
export class ChannelStore {
  constructor(
    private readonly db: DataSource,
    private readonly box: SecretBox,
  ) {}

  async list(tenantId: number): Promise<ChannelSummary[]> {
    const rows: Row[] = await this.db.query(`select * from channels where tenant_id = $1 order by created_at, id`, [
      tenantId,
    ]);
    return rows.map(toSummary);
  }

  async get(tenantId: number, id: string): Promise<ChannelSummary> {
    return toSummary(await this.row(tenantId, id, this.db));
  }

  async enabledIds(tenantId: number, db: Pick<EntityManager, 'query'> = this.db): Promise<string[]> {
    const rows: { id: string }[] = await db.query(
      `select id from channels where tenant_id = $1 and enabled order by created_at, id`,
      [tenantId],
    );
    return rows.map((row) => row.id);
  }

  /** Those of the ids that are no channel of this tenant. */
  async unknownIds(tenantId: number, ids: readonly string[]): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `select wanted.id from unnest($2::uuid[]) wanted (id)
       where not exists (select from channels c where c.tenant_id = $1 and c.id = wanted.id)`,
      [tenantId, ids],
    );
    return rows.map((row) => row.id);
  }

  /** The channel with its secrets, to send with. Throws Rejected 404, or SealBroken when it was sealed with another key. */
  async open(tenantId: number, id: string, nowMs: number): Promise<Channel> {
    const row = await this.row(tenantId, id, this.db);
    const { url, signingSecrets, settings } = openSecret(this.box, row);
    const valid = signingSecrets.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs);
    return {
      id: row.id,
      tenantId: row.tenant_id,
      name: row.name,
      type: row.type,
      enabled: row.enabled,
      url,
      signingSecrets: valid.map(({ secret }) => secret),
      // Channels of earlier versions were made without settings.
      settings: { ...(row.type === 'webhook' && { headers: {}, template: null }), ...settings } as Channel['settings'],
    };
  }

  /** Throws Rejected 409 for a name in use and 422 beyond MAX_CHANNELS. */
  async create(tenantId: number, values: NewChannel): Promise<ChannelWithNewSecret> {
    const id = randomUUID();
    const signingSecret = values.type === 'webhook' ? newSigningSecret() : undefined;
    const secret: ChannelSecret = {
      url: values.url.full,
      signingSecrets: signingSecret === undefined ? [] : [{ secret: signingSecret }],
      ...(values.settings && { settings: values.settings }),
    };
    const rows: Row[] = await refuseTakenName(values.name, () =>
      this.db.query(
        `insert into channels (id, tenant_id, name, type, enabled, secret, url_shown, shown)
         select $1, $2::int4, $3, $4, $5, $6, $7, $8::jsonb
         where (select count(*) from channels where tenant_id = $2::int4) < $9
         returning *`,
        [
          id,
          tenantId,
          values.name,
          values.type,
          values.enabled,
          sealSecret(this.box, { tenantId, id }, secret),
          values.url.shown,
          JSON.stringify(values.shown ?? {}),
          MAX_CHANNELS,
        ],
      ),
    );
    if (!rows[0]) throw new Rejected('too_many', `a tenant may have ${MAX_CHANNELS} channels; delete one first`, 422);
    return { ...toSummary(rows[0]), ...(signingSecret !== undefined && { signingSecret }) };
  }

  /** What is left out stays as it is. A channel that is enabled again loses the reason for which it was disabled. */
  async change(tenantId: number, id: string, change: ChannelChange, nowMs: number): Promise<ChannelWithNewSecret> {
    return refuseTakenName(change.name, () =>
      this.db.transaction(async (tx) => {
        const row = await this.row(tenantId, id, tx, 'for update');
        const signingSecret = change.rotateSecret === true && row.type === 'webhook' ? newSigningSecret() : undefined;
        let secret = row.secret;
        if (change.url !== undefined || change.settings !== undefined || signingSecret !== undefined) {
          const old = openSecret(this.box, row);
          secret = sealSecret(
            this.box,
            { tenantId, id },
            {
              url: change.url?.full ?? old.url,
              signingSecrets:
                signingSecret === undefined ? old.signingSecrets : rotated(old.signingSecrets, signingSecret, nowMs),
              settings: { ...old.settings, ...change.settings } as ChannelSettings[ChannelType],
            },
          );
        }
        const enabled = change.enabled ?? row.enabled;
        const [rows]: [Row[], number] = await tx.query(
          `update channels set name = $3, enabled = $4, secret = $5, url_shown = $6, shown = shown || $7::jsonb, updated_at = now(),
             disabled_reason = case when $4 then null else disabled_reason end
           where id = $1 and tenant_id = $2 returning *`,
          [
            id,
            tenantId,
            change.name ?? row.name,
            enabled,
            secret,
            change.url?.shown ?? row.url_shown,
            JSON.stringify(change.shown ?? {}),
          ],
        );
        return { ...toSummary(rows[0] as Row), ...(signingSecret !== undefined && { signingSecret }) };
      }),
    );
  }

  /** Switched off by Tracehound, say since the receiver answered that it is gone. */
  async disable(tenantId: number, id: string, reason: string): Promise<void> {
    await this.db.query(
      `update channels set enabled = false, disabled_reason = $3, updated_at = now() where tenant_id = $1 and id = $2`,
      [tenantId, id, reason],
    );
  }

  /** Seals again what a previous key sealed; gives how many channels that were, in all tenants. What no key opens is left as it is. */
  async reseal(): Promise<number> {
    const rows: Row[] = await this.db.query(`select * from channels`);
    let resealed = 0;
    for (const row of rows.filter(({ secret }) => !this.box.isCurrent(secret) && this.box.knows(secret))) {
      const secret = sealSecret(this.box, { tenantId: row.tenant_id, id: row.id }, openSecret(this.box, row));
      const [, changed]: [unknown, number] = await this.db.query(
        `update channels set secret = $3 where tenant_id = $1 and id = $2 and secret = $4`,
        [row.tenant_id, row.id, secret, row.secret],
      );
      resealed += changed;
    }
    return resealed;
  }

  /** Rules that name the channel forget it; what waits to be sent to it fails with that reason. */
  async delete(tenantId: number, id: string): Promise<void> {
    await this.db.transaction(async (tx) => {
      await this.row(tenantId, id, tx, 'for update');
      await tx.query(
        `update rules set channel_ids = array_remove(channel_ids, $2::uuid), updated_at = now()
         where tenant_id = $1 and $2::uuid = any (channel_ids)`,
        [tenantId, id],
      );
      for (const table of ['channel_health', 'channel_threads', 'channel_resends']) {
        await tx.query(`delete from ${table} where tenant_id = $1 and channel_id = $2`, [tenantId, id]);
      }
      await tx.query(`delete from channels where tenant_id = $1 and id = $2`, [tenantId, id]);
    });
  }

  private async row(tenantId: number, id: string, db: Pick<EntityManager, 'query'>, lock = ''): Promise<Row> {
    const rows: Row[] = await db.query(`select * from channels where tenant_id = $1 and id = $2 ${lock}`, [
      tenantId,
      id,
    ]);
    if (!rows[0]) throw new Rejected('not_found', `there is no channel ${id}`, 404);
    return rows[0];
  }
}

async function refuseTakenName<T>(name: string | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Rejected('conflict', `there is already a channel named ${name}`, 409, 'name');
    throw error;
  }
}

function toSummary(row: Row): ChannelSummary {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    enabled: row.enabled,
    urlShown: row.url_shown,
    shown: row.shown,
    disabledReason: row.disabled_reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
