import type { Evidence } from '../model/cause.js';
import { displayText, formatQuantity } from '../model/display.js';

const MAX_TEMPLATE = 160;
const MAX_NAME = 80;

/** A sentence with the figures of one piece of evidence. Templates and names are text of the sender's. */
export function explain(evidence: Omit<Evidence, 'text'>): string {
  const { kind, observed, expected, unit, n } = evidence;
  const seen = formatQuantity(observed, unit);
  const normal = formatQuantity(expected, unit);
  const share = `${Math.round(evidence.share * 100)} %`;
  switch (kind) {
    case 'self_time':
      return `own time ${seen} on average, normally ${normal}: ${share} of all added time (${n} spans)`;
    case 'network_gap':
      return `${seen} between caller and callee, normally ${normal}: ${share} of all added time (${n} calls)`;
    case 'unanswered':
      return `${seen} waited for an answer that is not in the trace, normally answered in ${normal}: ${share} of all added time (${n} calls)`;
    case 'failing':
      return `${seen} fail here with no failing call below, normally ${normal}: ${share} of all added failures (${n} spans)`;
    case 'vanished_calls':
      return `${seen} stop short of calling ${target(evidence)}, as such spans do, normally ${normal}: ${share} of all that do (${n} spans)`;
    case 'repeated_calls':
      return `calls ${target(evidence)} ${times(observed)} times a span, normally ${times(expected)}, as a loop over rows does (N+1): ${share} of all added time (${n} spans)`;
    case 'retried_calls':
      return `${target(evidence)} is called ${times(observed)} times a span, normally ${times(expected)}, and fails as it never did (a retry storm): ${share} of all added time (${n} spans)`;
    case 'new_calls':
      return `for information: it calls ${target(evidence)}, which it never did before: ${seen} of its spans (${n} spans)`;
    case 'new_operation':
      return `for information: ${target(evidence)} was never seen before, and is ${seen} of what the service does (${n} spans)`;
    case 'traffic':
      return `${seen} come in here, normally ${normal} (${n} spans)`;
    case 'deviates':
      return `${seen}, normally ${normal}, and nothing that it calls deviates (${n} spans)`;
    case 'names_changed':
      return `caution: ${seen} of its spans have names never seen before, and as many under known names are missing: its instrumentation may have changed, not what it does (${n} spans)`;
    case 'sampling_changed':
      return `caution: all entries are down to ${seen} of their traffic alike: sampling may have changed, or spans may not arrive (${n} spans)`;
    case 'event_template':
      return `${seen} of spans log "${displayText(evidence.template ?? '', MAX_TEMPLATE)}", normally ${normal}: ${share} of all deviating events (${n} spans)`;
  }
}

function target({ of }: Pick<Evidence, 'of'>): string {
  return of === undefined
    ? 'something'
    : `"${displayText(of.service, MAX_NAME)} / ${displayText(of.operation, MAX_NAME)}"`;
}

/** Two digits below 10, three above. */
function times(value: number): string {
  return String(Number(value.toPrecision(value < 10 ? 2 : 3)));
}
