import type { Alert } from './alert.js';

/** A group of alerts as it stands now. */
export interface GroupView {
  id: string;
  key: string;
  labels: Record<string, string>;
  receiver: string;
  incidentId: string | null;
  createdAtMs: number;
  firstToldAtMs: number | null;
  escalatedAtMs: number | null;
  acknowledgedBy: string | null;
  acknowledgedAtMs: number | null;
  /** When it is looked at next though nothing happens. */
  nextAtMs: number | null;
  /** The oldest ones, at most 100. */
  alerts: { alert: Alert; isFiring: boolean; toldChannelIds: string[] }[];
  alertCount: number;
}
