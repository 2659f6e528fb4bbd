import type { Evidence } from '../model/cause.js';
import { displayText, formatQuantity } from '../model/display.js';

const MAX_TEMPLATE = 160;

/** A sentence with the figures of one piece of evidence. Only an event's template is text of the sender's. */
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
      return `${seen} stop short of calls that such spans make, normally ${normal}: ${share} of all that do (${n} spans)`;
    case 'repeated_calls':
      return `${seen} made a span, normally ${normal}: ${share} of all added time (${n} spans)`;
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
