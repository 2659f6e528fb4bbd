import type { AlertGroup, GroupMember } from '../model/alert-group.js';
import type { Alert } from '../model/alert.js';
import type { Notice, NoticeAlert, NoticeFrequent } from '../model/notice.js';
import { fingerprint } from './fingerprint.js';
import type { FlushMessage } from './flush-input.js';

/** Alerts in one message; the rest is counted. A channel shows fewer. */
export const MAX_NOTICE_ALERTS = 100;

/** What one channel is told: of the incident where all of it is about one, else of alerts. */
export function noticeOf(
  group: Pick<AlertGroup, 'id' | 'key' | 'labels' | 'settings'>,
  message: Pick<FlushMessage, 'reason'> & { firing: GroupMember[]; resolved: GroupMember[] },
  frequent: NoticeFrequent | null,
): { kind: string; incidentId: string | null; notice: Notice } {
  const { reason, firing, resolved } = message;
  const all = [...firing.toSorted(byBeginning), ...resolved.toSorted(byBeginning)];
  const newest = (firing.length > 0 ? firing : resolved).reduce((a, b) => (b.stepAtMs > a.stepAtMs ? b : a));
  const incidentIds = new Set(all.map(({ alert }) => alert.incidentId));
  const incidentId = incidentIds.size === 1 ? newest.alert.incidentId : null;
  const about = incidentId === null ? null : newest.notice;
  const status = firing.length > 0 ? 'firing' : 'resolved';
  const type = about?.type ?? (`alert.${status}` as const);
  const labels = all.map(({ alert }) => alert.labels);
  const annotations = all.map(({ alert }) => alert.annotations);
  const truncatedAlerts = Math.max(0, all.length - MAX_NOTICE_ALERTS);
  return {
    kind: type.slice(type.indexOf('.') + 1),
    incidentId,
    notice: {
      type,
      timestamp: about?.timestamp ?? new Date(newest.stepAtMs).toISOString(),
      reason: about?.reason ?? inWords(firing.length, resolved.length),
      incident: about?.incident ?? null,
      alerts: all.slice(0, MAX_NOTICE_ALERTS).map(alertOf),
      ...(truncatedAlerts > 0 && { truncatedAlerts }),
      group: {
        key: group.id,
        receiver: group.settings.receiver,
        labels: group.labels,
        commonLabels: common(labels),
        commonAnnotations: common(annotations),
        notificationReason: reason,
      },
      ...(frequent && { frequent }),
    },
  };
}

function alertOf({ alert, isFiring }: GroupMember): NoticeAlert {
  const { labels, annotations, generatorUrl, figures, exemplars, ruleId } = alert;
  return {
    id: alert.id,
    status: isFiring ? 'firing' : 'resolved',
    labels,
    annotations,
    startsAt: new Date(beganMs(alert)).toISOString(),
    endsAt: isFiring || alert.endsAtMs === null ? null : new Date(alert.endsAtMs).toISOString(),
    generatorUrl,
    fingerprint: fingerprint(labels),
    figures,
    exemplars,
    ruleId,
    ruleName: labels['alertname'] ?? '',
  };
}

/** Since when it fires; for what came from outside as its sender has it. */
function beganMs({ ruleId, activeAtMs, firedAtMs }: Alert): number {
  return ruleId === null ? activeAtMs : (firedAtMs ?? activeAtMs);
}

function byBeginning(a: GroupMember, b: GroupMember): number {
  return beganMs(a.alert) - beganMs(b.alert) || (a.alert.id < b.alert.id ? -1 : 1);
}

function inWords(firing: number, resolved: number): string {
  const fire = `${firing} ${firing === 1 ? 'alert fires' : 'alerts fire'}`;
  const end = `${resolved} ${resolved === 1 ? 'has' : 'have'} ended`;
  return firing === 0
    ? `${resolved} ${resolved === 1 ? 'alert has' : 'alerts have'} ended`
    : resolved === 0
      ? fire
      : `${fire}, ${end}`;
}

/** What all of them have, with the same value. */
function common(all: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...rest] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) =>
      rest.every((each) => Object.hasOwn(each, name) && each[name] === value),
    ),
  );
}
