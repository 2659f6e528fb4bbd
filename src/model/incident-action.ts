export const INCIDENT_ACTION_KINDS = [
  'acknowledged',
  'acknowledgement_withdrawn',
  'assigned',
  'commented',
  'resolved',
] as const;
export type IncidentActionKind = (typeof INCIDENT_ACTION_KINDS)[number];

/** What somebody did about an incident. */
export interface IncidentAction {
  atMs: number;
  kind: IncidentActionKind;
  by: string;
  /** Who it was assigned to; null: nobody (any more), or no assignment. */
  subject: string | null;
  comment: string;
  /** The channel whose message had the link that was used; null: over the API. */
  channelId: string | null;
  /** Null when the channel was deleted, too. */
  channelName: string | null;
}

/** What somebody did about a group of alerts that is about no incident. */
export interface GroupAction extends Omit<IncidentAction, 'kind' | 'subject'> {
  kind: 'acknowledged' | 'acknowledgement_withdrawn';
}

/** Where an incident stands with people. */
export interface Standing {
  acknowledged: { by: string; atMs: number } | null;
  assignee: string | null;
}

/** Who has acknowledged an incident and whose it is, after its actions, oldest first: the last word counts. */
export function standing(actions: readonly IncidentAction[]): Standing {
  let acknowledged: Standing['acknowledged'] = null;
  let assignee: string | null = null;
  for (const { kind, by, atMs, subject } of actions) {
    if (kind === 'acknowledged') acknowledged = { by, atMs };
    else if (kind === 'acknowledgement_withdrawn') acknowledged = null;
    else if (kind === 'assigned') assignee = subject;
  }
  return { acknowledged, assignee };
}
