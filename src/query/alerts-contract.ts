import { z } from 'zod';
import { cursorOf } from '../list-cursor.js';
import { ALERT_STATES, type Alert } from '../model/alert.js';
import type { AlertStory } from '../model/alert-story.js';

const Time = z.iso.datetime();

export const AlertView = z
  .object({
    id: z.guid(),
    ruleId: z.guid().nullable().describe('Null: it came in from outside.'),
    incidentId: z.guid().nullable(),
    state: z.enum(ALERT_STATES),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    figures: z
      .object({ observed: z.number().nullable(), expected: z.number().nullable(), unit: z.string(), n: z.number() })
      .nullable(),
    exemplars: z.array(z.string()).describe('Trace ids that show it.'),
    activeAt: Time.describe('Since when the condition holds.'),
    firedAt: Time.nullable(),
    endsAt: Time.nullable(),
  })
  .meta({ id: 'Alert' });
export type AlertView = z.infer<typeof AlertView>;

export const AlertList = z
  .object({ alerts: z.array(AlertView), nextCursor: z.string().nullable() })
  .meta({ id: 'AlertList' });
export type AlertList = z.infer<typeof AlertList>;

export const AlertDetailView = AlertView.extend({
  transitions: z
    .array(z.object({ sequence: z.int(), at: Time, from: z.string(), to: z.string(), reason: z.string() }))
    .describe('Newest first, at most 100.'),
  decisions: z
    .array(
      z.object({
        at: Time,
        sequence: z.int().describe('The step of the alert that it was about.'),
        send: z.boolean(),
        reason: z.string(),
        detail: z.string().nullable(),
        channelIds: z.array(z.guid()),
      }),
    )
    .describe('Who was told, or why not; newest first, at most 100.'),
}).meta({ id: 'AlertDetail' });
export type AlertDetailView = z.infer<typeof AlertDetailView>;

export const AlertQuery = z.strictObject({
  state: z.enum(ALERT_STATES).optional(),
  ruleId: z.guid().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: cursorOf(z.strictObject({ updatedAt: z.iso.datetime({ precision: 6 }), id: z.guid() })).optional(),
});
export type AlertQuery = z.output<typeof AlertQuery>;

export const AlertPath = z.object({ id: z.guid('must be an alert id (a UUID)').toLowerCase() });
export type AlertPath = z.output<typeof AlertPath>;

export function alertView(alert: Alert): AlertView {
  const { id, ruleId, incidentId, state, labels, annotations, figures, exemplars } = alert;
  const { activeAtMs, firedAtMs, endsAtMs } = alert;
  return {
    id,
    ruleId,
    incidentId,
    state,
    labels,
    annotations,
    figures,
    exemplars,
    activeAt: iso(activeAtMs),
    firedAt: firedAtMs === null ? null : iso(firedAtMs),
    endsAt: endsAtMs === null ? null : iso(endsAtMs),
  };
}

export function alertDetailView({ alert, transitions, decisions }: AlertStory): AlertDetailView {
  return {
    ...alertView(alert),
    transitions: transitions.map(({ atMs, ...rest }) => ({ ...rest, at: iso(atMs) })),
    decisions: decisions.map(({ atMs, ...rest }) => ({ ...rest, at: iso(atMs) })),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
