import type { Evidence } from '../model/cause.js';
import { formatQuantity } from '../model/display.js';

/** A sentence with the figures of one piece of evidence. It holds no text of the sender's. */
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
    case 'deviates':
      return `${seen}, normally ${normal}, and nothing that it calls deviates (${n} spans)`;
  }
}
