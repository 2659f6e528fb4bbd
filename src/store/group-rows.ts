import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Alert } from '../model/alert.js';
import type { AlertGroup, GroupMember } from '../model/alert-group.js';
import type { Severity } from '../model/incident.js';
import type { Notice } from '../model/notice.js';
import type { RouteSettings } from '../model/routing.js';

export interface GroupRow {
  id: string;
  key: string;
  labels: Record<string, string>;
  settings: RouteSettings;
  created_at: Date;
  first_told_at: Date | null;
  escalated_at: Date | null;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  sequence: number;
}

export interface MemberRow {
  group_id: string;
  alert_id: string;
  channel_ids: string[] | null;
  is_detached: boolean;
  told_elsewhere: string[];
  said_sequence: number | null;
  said: string | null;
}

export interface AlertRow {
  alert_id: string;
  snapshot: Alert;
  reason: string;
  is_firing: boolean;
  routed_at: Date;
  step_at: Date;
}

export interface ToldRow {
  group_id: string;
  channel_id: string;
  firing: Record<string, Severity>;
  at: Date;
}

/** What channels were told of these groups. */
export async function toldOf(
  tx: Pick<EntityManager, 'query'>,
  tenantId: number,
  groupIds: readonly string[],
): Promise<ToldRow[]> {
  return tx.query(`select * from alert_group_told where tenant_id = $1 and group_id = any ($2) order by channel_id`, [
    tenantId,
    groupIds,
  ]);
}

export function groupOf(row: GroupRow): AlertGroup {
  return {
    id: row.id,
    key: row.key,
    labels: row.labels,
    settings: row.settings,
    createdAtMs: row.created_at.getTime(),
    firstToldAtMs: row.first_told_at?.getTime() ?? null,
    escalatedAtMs: row.escalated_at?.getTime() ?? null,
    acknowledgedAtMs: row.acknowledged_at?.getTime() ?? null,
    acknowledgedBy: row.acknowledged_by,
    sequence: row.sequence,
  };
}

export function memberOf(member: MemberRow, alert: AlertRow, notice: Notice | null): GroupMember {
  return {
    alert: alert.snapshot,
    reason: alert.reason,
    isFiring: alert.is_firing,
    routedAtMs: alert.routed_at.getTime(),
    stepAtMs: alert.step_at.getTime(),
    notice,
    channelIds: member.channel_ids,
    isDetached: member.is_detached,
    toldElsewhere: member.told_elsewhere,
    said: member.said === null ? null : { sequence: member.said_sequence!, what: member.said },
  };
}

/** The same id for the same group: a version 8 UUID over tenant and key. */
export function groupId(tenantId: number, key: string): string {
  const bytes = createHash('sha256').update(`group ${tenantId} ${key}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
