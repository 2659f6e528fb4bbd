import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { NoticeCaller, NoticeVersion } from '../model/notice.js';
import { HOUR_MS, MINUTE_MS } from '../model/window.js';
import { VERSION_KEYS } from '../model/version.js';
import { isoMs } from './iso-time.js';

/** When a version was seen last is known to an hour. */
const STILL_THERE_MS = 2 * HOUR_MS;
const CALLED_WITHIN_MS = 5 * MINUTE_MS;
const MAX_CALLERS = 8;

/** What a message says besides what was decided: who calls what it is about, and which versions are at work. */
@Injectable()
export class MessageContextStore {
  constructor(private readonly db: DataSource) {}

  /** Of each service the version that came last of those at work, by the attribute that names versions best. */
  async versions(tenantId: number, services: readonly string[], atMs: number): Promise<NoticeVersion[]> {
    return this.db.query(
      `select distinct on (s.name) s.name as service, v.key, v.value, ${isoMs('v.first_seen_at')} as since
         from versions v join services s on s.id = v.service_id and s.tenant_id = v.tenant_id
        where v.tenant_id = $1 and s.name = any ($2::text[]) and v.key = any ($3::text[])
          and v.first_seen_at <= $4 and v.last_seen_at >= $5
        order by s.name, array_position($3::text[], v.key), v.first_seen_at desc, v.value`,
      [tenantId, services, VERSION_KEYS, new Date(atMs), new Date(atMs - STILL_THERE_MS)],
    );
  }

  /** Operations that called the operation of that name in the five minutes before, those with most calls first. */
  async callers(
    tenantId: number,
    { service, operation }: { service: string; operation: string },
    atMs: number,
  ): Promise<NoticeCaller[]> {
    return this.db.query(
      `select s.name as service, o.name as operation, sum(e.calls)::float8 as calls
         from edge_rollups e
         join operations o on o.tenant_id = e.tenant_id and o.id = e.caller_id
         join services s on s.tenant_id = o.tenant_id and s.id = o.service_id
        where e.tenant_id = $1 and e.window_at >= $4 and e.window_at < $5
          and e.callee_id = any (array(
            select c.id from operations c join services cs on cs.id = c.service_id and cs.tenant_id = c.tenant_id
             where c.tenant_id = $1 and cs.name = $2 and c.name = $3))
        group by 1, 2 order by 3 desc, 1, 2 limit ${MAX_CALLERS}`,
      [tenantId, service, operation, new Date(atMs - CALLED_WITHIN_MS), new Date(atMs)],
    );
  }
}
