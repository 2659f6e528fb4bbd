import { z } from 'zod';
import { INCIDENT_EVENT_KINDS, INCIDENT_STATES, SEVERITIES } from '../model/incident.js';
import { AffectedView, CauseView } from './causes-contract.js';
import { ComparisonView, CorrelationView } from './correlations-contract.js';
import { DecisionView, DeliveryView } from './decisions-contract.js';
import { NextCursor, Time, TraceId } from './terms-contract.js';

/** Incidents. */

export const IncidentView = z
  .object({
    id: z.guid(),
    state: z.enum(INCIDENT_STATES),
    severity: z.enum(SEVERITIES),
    title: z.string(),
    startedAt: Time.describe('Start of the first deviating window.'),
    openedAt: Time.describe('End of the window at which the incident was opened.'),
    lastSeenAt: Time.describe('End of the last window that still deviated.'),
    resolvedAt: Time.nullable(),
    flaps: z.int().describe('How often it came back after it had gone quiet.'),
    causes: z.array(CauseView).describe('Best first.'),
    affected: z.array(AffectedView),
    exemplars: z.array(TraceId).describe('Traces that show it.'),
  })
  .meta({ id: 'Incident' });
export type IncidentView = z.infer<typeof IncidentView>;

export const IncidentEventView = z
  .object({
    sequence: z.int(),
    kind: z.enum(INCIDENT_EVENT_KINDS),
    at: Time,
    reason: z.string(),
    undecided: z
      .object({ attempts: z.int(), error: z.string(), isSetAside: z.boolean() })
      .nullable()
      .describe('Failed attempts to decide who is told; null when there were none.'),
  })
  .meta({ id: 'IncidentEvent' });
export type IncidentEventView = z.infer<typeof IncidentEventView>;

export const IncidentDetailView = IncidentView.extend({
  compared: ComparisonView.nullable().describe('Which traces were compared; null while none could be.'),
  comparisonReason: z.string().nullable().describe('What came of the comparison, or why there was none (yet).'),
  correlations: z.array(CorrelationView).describe('What more bad traces have than good ones; best first.'),
  events: z.array(IncidentEventView),
  decisions: z.array(DecisionView).describe('Who was told at which event, and why or why not.'),
  deliveries: z.array(DeliveryView),
}).meta({ id: 'IncidentDetail' });
export type IncidentDetailView = z.infer<typeof IncidentDetailView>;

export const IncidentList = z
  .object({ incidents: z.array(IncidentView), nextCursor: NextCursor })
  .meta({ id: 'IncidentList' });
export type IncidentList = z.infer<typeof IncidentList>;
