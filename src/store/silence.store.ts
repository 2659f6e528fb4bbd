import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Matcher, Silence } from '../model/routing.js';
import { markStale, silenceOf, type SilenceRow } from './routing.store.js';

export type SilenceValues = Omit<Silence, 'id' | 'updatedAtMs'>;

const MAX_SILENCES = 10_000;
/** Expired ones are shown for this long, as long as Alertmanager keeps them. */
const KEPT = '5 days';

/** Silences of a tenant. One that is deleted ends now; one that has begun is replaced, so that what was silenced when stays known. */
@Injectable()
export class SilenceStore {
  constructor(private readonly db: DataSource) {}

  async list(tenantId: number): Promise<Silence[]> {
    const rows: SilenceRow[] = await this.db.query(
      `select * from silences where tenant_id = $1 and ends_at > now() - interval '${KEPT}' order by ends_at desc, id`,
      [tenantId],
    );
    return rows.map(silenceOf);
  }

  async get(tenantId: number, id: string): Promise<Silence> {
    return silenceOf(await this.row(tenantId, id, this.db));
  }

  /** Throws Rejected 422 beyond MAX_SILENCES that are not over. */
  async create(tenantId: number, values: SilenceValues, nowMs: number): Promise<Silence> {
    return this.db.transaction((tx) => this.createWithin(tx, tenantId, values, nowMs));
  }

  /**
   * Changes a silence: in place while its matchers and its beginning stay, else the old one ends and a new one with another id begins, as in
   * Alertmanager.
   */
  async replace(tenantId: number, id: string, values: SilenceValues, nowMs: number): Promise<Silence> {
    return this.db.transaction(async (tx) => {
      const old = silenceOf(await this.row(tenantId, id, tx, 'for update'));
      const isSame =
        sameMatchers(old.matchers, values.matchers) &&
        old.endsAtMs > nowMs &&
        (old.startsAtMs > nowMs || old.startsAtMs === values.startsAtMs || values.startsAtMs <= nowMs);
      if (!isSame) {
        if (old.endsAtMs > nowMs) await this.end(tx, tenantId, id, nowMs);
        return this.createWithin(tx, tenantId, values, nowMs);
      }
      const startsAtMs = old.startsAtMs > nowMs ? values.startsAtMs : old.startsAtMs;
      const [rows]: [SilenceRow[], number] = await tx.query(
        `update silences set starts_at = $3, ends_at = $4, created_by = $5, comment = $6, updated_at = $7
         where tenant_id = $1 and id = $2 returning *`,
        [
          tenantId,
          id,
          new Date(startsAtMs),
          new Date(values.endsAtMs),
          values.createdBy,
          values.comment,
          new Date(nowMs),
        ],
      );
      await markStale(tx, tenantId);
      return silenceOf(rows[0]!);
    });
  }

  /** Ends it now. One that is over stays as it is. */
  async expire(tenantId: number, id: string, nowMs: number): Promise<void> {
    await this.db.transaction(async (tx) => {
      await this.row(tenantId, id, tx, 'for update');
      await this.end(tx, tenantId, id, nowMs);
    });
  }

  private async end(tx: EntityManager, tenantId: number, id: string, nowMs: number): Promise<void> {
    await tx.query(
      `update silences set ends_at = $3, starts_at = least(starts_at, $3), updated_at = $3
       where tenant_id = $1 and id = $2 and ends_at > $3`,
      [tenantId, id, new Date(nowMs)],
    );
    await markStale(tx, tenantId);
  }

  async createWithin(tx: EntityManager, tenantId: number, values: SilenceValues, nowMs: number): Promise<Silence> {
    const { matchers, startsAtMs, endsAtMs, createdBy, comment } = values;
    // What lies in the past cannot be silenced any more.
    const beginsMs = Math.max(startsAtMs, nowMs);
    if (endsAtMs <= beginsMs) {
      throw new Rejected(
        'invalid_input',
        'endsAt: a silence must end after it starts, and in the future',
        400,
        'endsAt',
      );
    }
    const rows: SilenceRow[] = await tx.query(
      `insert into silences (tenant_id, id, matchers, starts_at, ends_at, created_by, comment, updated_at)
       select $1::int4, $2, $3, $4, $5, $6, $7, $8
       where (select count(*) from silences where tenant_id = $1::int4 and ends_at > $8) < $9 returning *`,
      [
        tenantId,
        randomUUID(),
        JSON.stringify(matchers),
        new Date(beginsMs),
        new Date(endsAtMs),
        createdBy,
        comment,
        new Date(nowMs),
        MAX_SILENCES,
      ],
    );
    if (!rows[0]) throw new Rejected('too_many', `a tenant may have ${MAX_SILENCES} silences; expire one first`, 422);
    await markStale(tx, tenantId);
    return silenceOf(rows[0]);
  }

  private async row(tenantId: number, id: string, db: Pick<EntityManager, 'query'>, lock = ''): Promise<SilenceRow> {
    const rows: SilenceRow[] = await db.query(`select * from silences where tenant_id = $1 and id = $2 ${lock}`, [
      tenantId,
      id,
    ]);
    if (!rows[0]) throw new Rejected('not_found', `there is no silence ${id}`, 404);
    return rows[0];
  }
}

function sameMatchers(some: readonly Matcher[], others: readonly Matcher[]): boolean {
  const texts = (all: readonly Matcher[]) =>
    all.map(({ name, operator, value }) => JSON.stringify([name, operator, value])).toSorted();
  return JSON.stringify(texts(some)) === JSON.stringify(texts(others));
}
