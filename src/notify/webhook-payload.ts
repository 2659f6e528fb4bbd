import { displayText } from '../model/display.js';
import type { AttributeName } from '../model/correlation.js';
import type { Notice, NoticeAlert, NoticeGroup } from '../model/notice.js';
import type { Message } from './message.js';
import { httpUrl } from './wording.js';

/** Standard Webhooks asks for less than 20 kB. */
const MAX_BYTES = 20_000;

/** How much of an incident is told, tried from the fullest on until the body is small enough; the link leads to the whole. */
const DETAIL = [
  { alerts: 20, labels: 20, causes: 10, affected: 30, correlations: 10, evidence: 5, exemplars: 10, nameLength: 200 },
  { alerts: 10, labels: 10, causes: 5, affected: 10, correlations: 5, evidence: 3, exemplars: 5, nameLength: 120 },
  { alerts: 3, labels: 5, causes: 3, affected: 3, correlations: 3, evidence: 2, exemplars: 3, nameLength: 80 },
  { alerts: 1, labels: 5, causes: 1, affected: 1, correlations: 1, evidence: 1, exemplars: 1, nameLength: 40 },
] as const;

/** The body of a webhook request, as Standard Webhooks has it: `{type, timestamp, data}`, under 20 kB in UTF-8. */
export function webhookPayload(message: Message): string {
  const { type, timestamp, reason, incident, alerts, truncatedAlerts = 0, group, statement } = message.notice;
  let body = '';
  for (const detail of DETAIL) {
    const data = {
      reason: displayText(reason, 500),
      incident: incident && reduced(incident, detail),
      ...(alerts && {
        alerts: alerts.slice(0, detail.alerts).map((alert) => reducedAlert(alert, detail)),
        truncatedAlerts: truncatedAlerts + Math.max(0, alerts.length - detail.alerts),
      }),
      ...(group && { group: reducedGroup(group, detail) }),
      ...(statement && {
        statement: {
          title: displayText(statement.title, 3 * detail.nameLength),
          lines: message.alerts.slice(0, 5 * detail.alerts).map((line) => displayText(line, 2 * detail.nameLength)),
        },
      }),
      links: message.links,
    };
    body = JSON.stringify({ type, timestamp, data });
    if (utf8Length(body) < MAX_BYTES) break;
  }
  return body;
}

type Detail = (typeof DETAIL)[number];

function reducedAlert(alert: NoticeAlert, detail: Detail): NoticeAlert {
  return {
    ...alert,
    labels: reducedLabels(alert.labels, detail),
    annotations: reducedLabels(alert.annotations, detail),
    generatorUrl: httpUrl(alert.generatorUrl),
    exemplars: alert.exemplars.slice(0, detail.exemplars),
    ruleName: displayText(alert.ruleName, detail.nameLength),
  };
}

function reducedGroup(group: NoticeGroup, detail: Detail): NoticeGroup {
  return {
    ...group,
    receiver: displayText(group.receiver, detail.nameLength),
    labels: reducedLabels(group.labels, detail),
    commonLabels: reducedLabels(group.commonLabels, detail),
    commonAnnotations: reducedLabels(group.commonAnnotations, detail),
  };
}

function reducedLabels(labels: Record<string, string>, detail: Detail): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .slice(0, detail.labels)
      .map(([name, value]) => [displayText(name, 80), displayText(value, detail.nameLength)]),
  );
}

type Told = NonNullable<Notice['incident']>;

function reduced(incident: Told, detail: Detail): Told {
  const name = (text: string) => displayText(text, detail.nameLength);
  const attribute = ({ scope, service, operation, key, value }: AttributeName): AttributeName => ({
    scope,
    service: name(service),
    operation: operation === null ? null : name(operation),
    key: name(key),
    value: name(value),
  });
  const { compared = null, correlations = [] } = incident;
  return {
    ...incident,
    title: displayText(incident.title, 3 * detail.nameLength),
    causes: incident.causes.slice(0, detail.causes).map((cause) => ({
      ...cause,
      service: name(cause.service),
      operation: name(cause.operation),
      evidence: cause.evidence
        .slice(0, detail.evidence)
        .map((each) => ({ ...each, text: displayText(each.text, 3 * detail.nameLength) })),
      instances: cause.instances.map((each) => ({ ...each, value: name(each.value) })),
      exemplars: cause.exemplars.slice(0, detail.exemplars),
    })),
    affected: incident.affected
      .slice(0, detail.affected)
      .map((each) => ({ ...each, service: name(each.service), operation: name(each.operation) })),
    exemplars: incident.exemplars.slice(0, detail.exemplars),
    compared: compared && { ...compared, service: name(compared.service), operation: name(compared.operation) },
    correlations: correlations.slice(0, detail.correlations).map((each) => ({
      ...each,
      ...attribute(each),
      alsoAs: each.alsoAs.slice(0, 3).map(attribute),
    })),
  };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
