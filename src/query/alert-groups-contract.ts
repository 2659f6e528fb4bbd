import { z } from 'zod';
import { cursorOf } from '../list-cursor.js';
import type { GroupView } from '../model/alert-group-view.js';
import { line } from '../text-line.js';
import { AlertView, alertView } from './alerts-contract.js';

const Time = z.iso.datetime();

export const AlertGroupView = z
  .object({
    id: z.guid(),
    key: z.string().describe('The route, and the labels that its alerts share.'),
    labels: z.record(z.string(), z.string()),
    receiver: z.string(),
    incidentId: z.guid().nullable().describe('When all its alerts are about one.'),
    createdAt: Time,
    firstToldAt: Time.nullable().describe('Null: nobody was told of it yet.'),
    escalatedAt: Time.nullable(),
    acknowledged: z.object({ by: z.string(), at: Time }).nullable(),
    nextAt: Time.nullable().describe('When it is looked at again though nothing happens.'),
    alerts: z
      .array(
        AlertView.extend({
          isFiring: z.boolean(),
          toldChannelIds: z.array(z.guid()).describe('Channels that know of it and are owed its end.'),
        }).meta({ id: 'GroupedAlert' }),
      )
      .describe('The oldest first, at most 100.'),
    alertCount: z.int(),
  })
  .meta({ id: 'AlertGroup' });
export type AlertGroupView = z.infer<typeof AlertGroupView>;

export const AlertGroupList = z
  .object({ groups: z.array(AlertGroupView), nextCursor: z.string().nullable() })
  .meta({ id: 'AlertGroupList' });
export type AlertGroupList = z.infer<typeof AlertGroupList>;

export const AlertGroupQuery = z.strictObject({
  receiver: line(200).optional().describe('Only groups of this receiver.'),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: cursorOf(z.strictObject({ createdAt: z.iso.datetime({ precision: 6 }), id: z.guid() })).optional(),
});
export type AlertGroupQuery = z.output<typeof AlertGroupQuery>;

export function alertGroupView(group: GroupView): AlertGroupView {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  const { id, key, labels, receiver, incidentId, createdAtMs, acknowledgedBy, acknowledgedAtMs, alertCount } = group;
  return {
    id,
    key,
    labels,
    receiver,
    incidentId,
    createdAt: new Date(createdAtMs).toISOString(),
    firstToldAt: iso(group.firstToldAtMs),
    escalatedAt: iso(group.escalatedAtMs),
    acknowledged: acknowledgedBy === null ? null : { by: acknowledgedBy, at: iso(acknowledgedAtMs)! },
    nextAt: iso(group.nextAtMs),
    alerts: group.alerts.map(({ alert, isFiring, toldChannelIds }) => ({
      ...alertView(alert),
      isFiring,
      toldChannelIds,
    })),
    alertCount,
  };
}
