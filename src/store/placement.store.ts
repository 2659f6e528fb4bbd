import type { EntityManager } from 'typeorm';
import type { Alert } from '../model/alert.js';
import { SEVERITIES } from '../model/incident.js';
import type { Placement } from '../model/placement.js';
import type { Routing } from '../model/routing.js';
import { groupId, toldOf, type MemberRow, type ToldRow } from './group-rows.js';
import { makeGroups, type NewPlacement } from './group.store.js';
import type { RouteLogic } from './route-logic.js';

// Which alerts are in which groups. All inside the caller's transaction.

type Queries = Pick<EntityManager, 'query'>;

interface Placed {
  alert: Alert;
  placements: NewPlacement[];
}

/**
 * Puts alerts into their groups, makes those that are missing, and begins those anew that were over. An alert leaves groups to which it
 * does not belong any more, at once where nobody was told of it, else when its end is told.
 */
export async function placeAlerts(
  tx: Queries,
  tenantId: number,
  heard: readonly { alert: Alert; heardAtMs: number }[],
  { logic, routing, nowMs }: { logic: RouteLogic; routing: Routing; nowMs: number },
): Promise<void> {
  if (heard.length === 0) return;
  const named = await channelsOfRules(
    tx,
    tenantId,
    heard.map(({ alert }) => alert),
  );
  const placed = heard.map(({ alert, heardAtMs }) => placedBy(logic, routing, alert, named, heardAtMs));
  const wanted = placed.flatMap(({ alert, placements }) =>
    placements.map((placement) => ({ alert, placement, groupId: groupId(tenantId, placement.key) })),
  );
  const before: MemberRow[] = await tx.query(
    `select * from alert_group_members where tenant_id = $1 and alert_id = any ($2)`,
    [tenantId, placed.map(({ alert }) => alert.id)],
  );
  const isWanted = new Set(wanted.map(({ alert, groupId: id }) => `${id} ${alert.id}`));
  const left = before.filter((row) => !isWanted.has(`${row.group_id} ${row.alert_id}`));
  const toldThere =
    left.length === 0
      ? []
      : await toldOf(
          tx,
          tenantId,
          left.map(({ group_id }) => group_id),
        );
  await leave(tx, tenantId, left, toldThere, nowMs);
  await makeGroups(tx, tenantId, wanted, nowMs);
  const tellers = (alert: Alert, { settings }: Placement) =>
    toldThere
      .filter(({ group_id, firing }) => {
        const told = firing[alert.id];
        if (told === undefined || !left.some((row) => row.group_id === group_id && row.alert_id === alert.id))
          return false;
        return !(settings.tellEscalations && rank(alert.labels['severity']) > rank(told));
      })
      .map(({ channel_id }) => channel_id);
  await tx.query(
    `insert into alert_group_members (tenant_id, group_id, alert_id, channel_ids, told_elsewhere)
     select $1, m."groupId", m."alertId", m."channelIds", m."toldElsewhere"
     from jsonb_to_recordset($2::jsonb) as m ("groupId" uuid, "alertId" uuid, "channelIds" uuid[], "toldElsewhere" uuid[])
     on conflict (tenant_id, group_id, alert_id) do update
        set channel_ids = excluded.channel_ids, is_detached = false, told_elsewhere = excluded.told_elsewhere`,
    [
      tenantId,
      JSON.stringify(
        wanted.map(({ alert, placement, groupId: id }) => ({
          groupId: id,
          alertId: alert.id,
          channelIds: placement.channelIds,
          toldElsewhere: tellers(alert, placement),
        })),
      ),
    ],
  );
}

async function leave(
  tx: Queries,
  tenantId: number,
  left: readonly MemberRow[],
  told: readonly ToldRow[],
  nowMs: number,
): Promise<void> {
  if (left.length === 0) return;
  const isOwed = ({ group_id, alert_id }: MemberRow) =>
    told.some((each) => each.group_id === group_id && Object.hasOwn(each.firing, alert_id));
  const pairs = (rows: readonly MemberRow[]) => [
    rows.map(({ group_id }) => group_id),
    rows.map(({ alert_id }) => alert_id),
  ];
  await tx.query(
    `update alert_group_members m set is_detached = true from unnest($2::uuid[], $3::uuid[]) l (group_id, alert_id)
     where m.tenant_id = $1 and m.group_id = l.group_id and m.alert_id = l.alert_id`,
    [tenantId, ...pairs(left.filter(isOwed))],
  );
  await tx.query(
    `delete from alert_group_members m using unnest($2::uuid[], $3::uuid[]) l (group_id, alert_id)
     where m.tenant_id = $1 and m.group_id = l.group_id and m.alert_id = l.alert_id`,
    [tenantId, ...pairs(left.filter((row) => !isOwed(row)))],
  );
  await tx.query(
    `update alert_groups g set closed_at = $3, flush_at = null
     where tenant_id = $1 and id = any ($2) and closed_at is null
       and not exists (select from alert_group_members m where m.tenant_id = $1 and m.group_id = g.id)`,
    [tenantId, left.map(({ group_id }) => group_id), new Date(nowMs)],
  );
}

function rank(severity: string | undefined): number {
  return SEVERITIES.findIndex((each) => each === severity);
}

function placedBy(
  logic: RouteLogic,
  routing: Routing,
  alert: Alert,
  named: ReadonlyMap<string, string[]>,
  heardAtMs: number,
): Placed {
  const placements = logic.placementsOf(routing, alert, (alert.ruleId !== null && named.get(alert.ruleId)) || null);
  return {
    alert,
    placements: placements.map((placement) => ({
      ...placement,
      firstFlushAtMs: logic.firstFlushAt(alert, placement.settings, heardAtMs),
    })),
  };
}

/** The channels of those rules of these alerts that name channels. */
async function channelsOfRules(
  tx: Queries,
  tenantId: number,
  alerts: readonly Alert[],
): Promise<Map<string, string[]>> {
  const ruleIds = [...new Set(alerts.map(({ ruleId }) => ruleId))].filter((id) => id !== null);
  if (ruleIds.length === 0) return new Map();
  const rows: { id: string; channel_ids: string[] }[] = await tx.query(
    `select id, channel_ids from rules where tenant_id = $1 and id = any ($2) and channel_ids is not null`,
    [tenantId, ruleIds],
  );
  return new Map(rows.map((row) => [row.id, row.channel_ids]));
}
