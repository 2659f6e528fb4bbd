import { Counter, Gauge, Registry } from 'prom-client';
import { ALERT_STATES } from '../model/alert.js';
import { SEVERITIES } from '../model/incident.js';
import type { TenantFigures } from '../model/tenant-figures.js';
import { WINDOW_STAGES } from '../pipeline.js';

const DECIDED = ['stored', 'duplicate', 'rejected'];

/**
 * Prometheus metrics of one tenant. The sum of tracehound_spans_total equals tracehound_spans_received_total: no span is lost
 * without being counted. What can be counted but has not been yet shows as 0, since an alert cannot see what is missing.
 */
export function tenantMetrics(figures: TenantFigures): Registry {
  const registry = new Registry();
  const registers = [registry];
  const received = new Counter({
    name: 'tracehound_spans_received_total',
    help: 'Spans in requests that were decided upon.',
    registers,
  });
  const decided = new Counter({
    name: 'tracehound_spans_total',
    help: 'Received spans by what became of them; the outcomes add up to tracehound_spans_received_total.',
    labelNames: ['outcome', 'reason'],
    registers,
  });
  const late = new Counter({
    name: 'tracehound_late_spans_total',
    help: 'Stored spans that came after their window had closed, by what became of them.',
    labelNames: ['fate'],
    registers,
  });
  const adjusted = new Counter({
    name: 'tracehound_adjusted_spans_total',
    help: 'Stored spans whose times did not make sense, by what was mended for measuring.',
    labelNames: ['what'],
    registers,
  });
  for (const outcome of DECIDED) decided.inc({ outcome, reason: '' }, 0);
  for (const [name, n] of Object.entries(figures.spans)) {
    const [outcome = '', reason = ''] = splitOnce(name);
    if (outcome === 'received') received.inc(n);
    else if (outcome === 'late') late.inc({ fate: reason }, n);
    else if (outcome === 'adjusted') adjusted.inc({ what: reason }, n);
    else decided.inc({ outcome, reason }, n);
  }

  const refused = new Counter({
    name: 'tracehound_requests_refused_total',
    help: 'Requests that were refused as a whole, by why; their spans are not counted as received.',
    labelNames: ['reason'],
    registers,
  });
  for (const [reason, n] of Object.entries({ rate_spans: 0, rate_bytes: 0, ...figures.refused })) {
    refused.inc({ reason }, n);
  }
  const logs = {
    received: new Counter({
      name: 'tracehound_log_records_received_total',
      help: 'Log records in requests that were decided upon.',
      registers,
    }),
    decided: new Counter({
      name: 'tracehound_log_records_total',
      help: 'Received log records by what became of them; the outcomes add up to tracehound_log_records_received_total.',
      labelNames: ['outcome', 'reason'],
      registers,
    }),
    late: new Counter({
      name: 'tracehound_late_log_records_total',
      help: 'Stored log records that came after their window had closed, by what became of them.',
      labelNames: ['fate'],
      registers,
    }),
  };
  for (const outcome of DECIDED) logs.decided.inc({ outcome, reason: '' }, 0);
  for (const [name, n] of Object.entries(figures.logs)) {
    const [outcome = '', reason = ''] = splitOnce(name);
    if (outcome === 'received') logs.received.inc(n);
    else if (outcome === 'late') logs.late.inc({ fate: reason }, n);
    else logs.decided.inc({ outcome, reason }, n);
  }

  const dropped = new Counter({
    name: 'tracehound_dropped_spans_total',
    help: 'Stored spans that retention has taken: age, or space when RETENTION_MAX_BYTES was reached.',
    labelNames: ['reason'],
    registers,
  });
  for (const [reason, n] of Object.entries({ age: 0, space: 0, ...figures.dropped })) dropped.inc({ reason }, n);

  const gauge = (
    name: string,
    help: string,
    label: string,
    known: readonly string[],
    values: Record<string, number>,
  ) => {
    const each = new Gauge({ name, help, labelNames: [label], registers });
    for (const value of known) each.set({ [label]: value }, values[value] ?? 0);
  };
  gauge(
    'tracehound_stage_failures',
    'Failed attempts in a row of a stage.',
    'stage',
    WINDOW_STAGES,
    figures.stageFailures,
  );
  gauge(
    'tracehound_stage_lag_seconds',
    'Event time from the watermark back to what the stage has done. Learning stays two minutes behind on purpose.',
    'stage',
    // A stage that has not begun has no lag yet; 0 would say that it keeps up.
    WINDOW_STAGES.filter((stage) => stage in figures.stageLagS),
    figures.stageLagS,
  );
  gauge('tracehound_incidents_open', 'Unresolved incidents.', 'severity', SEVERITIES, figures.incidents);
  gauge(
    'tracehound_alerts',
    'Alerts by state; error: rules that cannot be evaluated.',
    'state',
    ALERT_STATES.filter((state) => state !== 'inactive' && state !== 'resolved'),
    figures.alerts,
  );
  new Gauge({
    name: 'tracehound_alerts_left_out',
    help: 'Alerts that are not there because their rules have as many as a rule may have.',
    registers,
  }).set(figures.alertsLeftOut);
  gauge(
    'tracehound_notifications',
    'Notifications by state.',
    'state',
    ['pending', 'sent', 'failed', 'digested'],
    figures.notifications,
  );
  return registry;
}

function splitOnce(name: string): [string, string] {
  const colon = name.indexOf(':');
  return colon < 0 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)];
}
