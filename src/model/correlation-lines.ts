import type { AttributeName, BadKind, GoodFrom } from './correlation.js';
import type { ComparisonView, CorrelationView } from './correlation-view.js';
import { displayText, formatMinuteUtc } from './display.js';
import { operationName } from './incident-view.js';

/** A message is read at night: the three best, each on a line. */
const MAX_LINES = 3;
const MAX_NAMES = 3;

const LABELS: Readonly<Record<string, string>> = {
  'service.version': 'version',
  'container.image.tag': 'image tag',
  'container.image.tags': 'image tag',
  'k8s.pod.name': 'pod',
  'k8s.node.name': 'node',
  'k8s.replicaset.name': 'replica set',
  'host.name': 'host',
  'service.instance.id': 'instance',
  'cloud.region': 'region',
  'cloud.availability_zone': 'zone',
};

const BAD: Readonly<Record<BadKind, string>> = {
  slow: 'slow traces',
  failed: 'failed traces',
  lacking_call: 'traces without the call',
  repeating_call: 'traces with more calls',
  now: 'traces since then',
};
const GOOD: Readonly<Record<GoodFrom, string>> = {
  during: 'others',
  during_and_before: 'others and those before',
  before: 'those before',
};

/** `cart version 2.4.1, pod cart-7f9: 96 % of slow traces, 11 % of others; first seen 03:09 UTC`, for those that stand by themselves. */
export function correlationLines(
  compared: ComparisonView | null,
  correlations: readonly CorrelationView[],
  startedAt: string,
): string[] {
  if (compared === null) return [];
  return correlations
    .filter((each) => each.explainedBy === null)
    .slice(0, MAX_LINES)
    .map((each) => {
      const shares = `${percent(each.badShare)} of ${BAD[compared.bad]}, ${percent(each.goodShare)} of ${GOOD[compared.goodFrom]}`;
      const since =
        each.isNew && each.firstSeenAt !== null ? `; first seen ${timeOf(each.firstSeenAt, startedAt)}` : '';
      return `${names(each)}: ${shares}${since}`;
    });
}

/** What it is called, and what else it is called. */
function names(correlation: CorrelationView): string {
  const others = correlation.alsoAs
    .slice(0, MAX_NAMES - 1)
    .map((each) =>
      each.service === correlation.service ? labelled(each) : `${displayText(each.service, 80)} ${labelled(each)}`,
    );
  const lead = [labelled(correlation), ...others].join(', ');
  if (correlation.operation === null) return `${displayText(correlation.service, 80)} ${lead}`;
  return `${lead} at ${operationName({ service: correlation.service, operation: correlation.operation })}`;
}

function labelled({ scope, key, value }: AttributeName): string {
  if (scope === 'event' && key === 'name') return `event ${displayText(value, 80)}`;
  return `${scope === 'resource' ? attributeLabel(key) : displayText(key, 60)} ${displayText(value, 80)}`;
}

/** What people call a resource attribute: `version` for `service.version`; its own name when it has no other. */
export function attributeLabel(key: string): string {
  return LABELS[key] ?? displayText(key, 60);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** The time of day when it was on the day of the incident, else date and time. */
function timeOf(iso: string, startedAt: string): string {
  const text = formatMinuteUtc(Date.parse(iso));
  return iso.slice(0, 10) === startedAt.slice(0, 10) ? text.slice(11) : text;
}
