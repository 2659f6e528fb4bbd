import { z } from 'zod';
import type { IncidentDetailView } from '../../src/query/incidents-contract.js';
import type { ReceivedMessage } from '../client/receiver.js';
import { type Alarm, distinctServices, isAlarm } from '../recorded/score.js';

const Cause = z.object({ service: z.string(), operation: z.string(), score: z.number() });
const Message = z.object({
  type: z.string(),
  timestamp: z.string(),
  data: z.object({ incident: z.object({ id: z.string(), causes: z.array(Cause) }) }),
});

export interface WebhookCounts {
  opened: number;
  reopened: number;
  another_cause: number;
  escalated: number;
  resolved: number;
  unverified: number;
  /** Messages that told once more what another one had told: the same step of the same incident under another id. */
  repeated: number;
}

const COUNTED = ['opened', 'reopened', 'another_cause', 'escalated', 'resolved'] as const;

/** How many webhooks of each type came, each counted once. */
export function countWebhooks(messages: readonly ReceivedMessage[]): WebhookCounts {
  const counts = { opened: 0, reopened: 0, another_cause: 0, escalated: 0, resolved: 0, unverified: 0, repeated: 0 };
  const told = new Set<string>();
  for (const { verified, body } of messages) {
    const message = Message.safeParse(body).data;
    const type = COUNTED.find((kind) => message?.type === `incident.${kind}`);
    const step = message && `${message.data.incident.id} ${message.type} ${message.timestamp}`;
    if (!verified) counts.unverified += 1;
    else if (step !== undefined && told.has(step)) counts.repeated += 1;
    else if (type !== undefined) counts[type] += 1;
    if (verified && step !== undefined) told.add(step);
  }
  return counts;
}

/**
 * Every step of the incidents that told of something new, in the data's own time. What was told comes from the verified webhook about
 * that step; with `messages` null (no webhooks could be received) it is what the incident says in the end. An alarm that
 * no webhook told of is told without causes.
 */
export function alarmsOf(
  incidents: readonly IncidentDetailView[],
  messages: readonly ReceivedMessage[] | null,
  shiftMs: number,
): Alarm[] {
  const told = new Map<string, z.infer<typeof Cause>[]>();
  for (const { verified, body } of messages ?? []) {
    const message = Message.safeParse(body).data;
    if (!verified || !message) continue;
    const { id, causes } = message.data.incident;
    told.set(`${id} ${message.type} ${Date.parse(message.timestamp)}`, causes);
  }
  return incidents.flatMap((incident) =>
    incident.events.flatMap(({ kind, at }) => {
      if (!isAlarm(kind)) return [];
      const atMs = Date.parse(at);
      const causes = messages ? (told.get(`${incident.id} incident.${kind} ${atMs}`) ?? []) : incident.causes;
      return {
        incidentId: incident.id,
        kind,
        atMs: atMs - shiftMs,
        toldServices: distinctServices(causes),
        toldFirst: causes[0] ? { service: causes[0].service, operation: causes[0].operation } : null,
        toldScore: causes[0]?.score ?? null,
        laterServices: null,
        finalServices: distinctServices(incident.causes),
      };
    }),
  );
}
