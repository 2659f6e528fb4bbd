import { z } from 'zod';
import { correlationLines } from '../../src/model/correlation-lines.js';
import { percentLikely } from '../../src/model/incident-view.js';
import { displayText } from '../../src/model/display.js';
import { ComparisonView, CorrelationView } from '../../src/query/correlations-contract.js';

const Incident = z.object({
  id: z.string(),
  title: z.string(),
  severity: z.string(),
  causes: z.array(
    z.object({
      service: z.string(),
      operation: z.string(),
      score: z.number(),
      evidence: z.array(z.object({ text: z.string() })),
    }),
  ),
  affected: z.array(z.object({ service: z.string(), operation: z.string(), signal: z.string() })),
  exemplars: z.array(z.string()),
  startedAt: z.string(),
  compared: ComparisonView.nullable(),
  correlations: z.array(CorrelationView),
});
const Message = z.object({ type: z.string(), data: z.object({ incident: Incident }) });

export type Told = z.infer<typeof Message>;

/** A webhook's body as a message about an incident, or null when it is something else (a test message). */
export function readMessage(body: unknown): Told | null {
  return Message.safeParse(body).data ?? null;
}

const CAUSES = 3;
const AFFECTED = 6;

/** A message about an incident as lines for people. */
export function messageLines({ type, data: { incident } }: Told): string[] {
  const lines = [`${type} (${incident.severity}): ${displayText(incident.title, 300)}`];
  if (type === 'incident.resolved') return lines;
  incident.causes.slice(0, CAUSES).forEach((cause, at) => {
    lines.push(
      `  cause ${at + 1}: ${displayText(cause.service, 80)} / ${displayText(cause.operation, 120)} (${percentLikely(cause.score)} % likely)`,
      ...cause.evidence.map(({ text }) => `           ${displayText(text, 300)}`),
    );
  });
  for (const line of correlationLines(incident.compared, incident.correlations, incident.startedAt)) {
    lines.push(`  in common: ${line}`);
  }
  const affected = incident.affected.map(
    (each) => `${displayText(each.service, 80)} / ${displayText(each.operation, 120)}`,
  );
  const names = [...new Set(affected)];
  if (names.length > 0) {
    const more = names.length > AFFECTED ? ` and ${names.length - AFFECTED} more` : '';
    lines.push(`  affected: ${names.slice(0, AFFECTED).join(', ')}${more}`);
  }
  if (incident.exemplars.length > 0) lines.push(`  traces: ${incident.exemplars.slice(0, 3).join(', ')}`);
  return lines;
}

/** What happened in a demo, for its summary. */
export interface Course {
  victim: string;
  brokenAtMs: number;
  opened: { message: Told; atMs: number } | null;
  repairedAtMs: number;
  resolved: { atMs: number } | null;
  messages: number;
}

/** The summary at the end of a demo. */
export function summaryLines({ victim, brokenAtMs, opened, repairedAtMs, resolved, messages }: Course): string[] {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  if (!opened) return ['', 'Summary', '  The fault was not noticed.'];
  const cause = opened.message.data.incident.causes[0];
  const blamed = cause ? `${displayText(cause.service, 80)} / ${displayText(cause.operation, 120)}` : 'nobody';
  return [
    '',
    'Summary',
    `  noticed:  the webhook came ${seconds(opened.atMs - brokenAtMs)} after the fault`,
    `  blamed:   ${blamed} (it was ${victim})`,
    resolved
      ? `  over:     the webhook came ${seconds(resolved.atMs - repairedAtMs)} after the repair`
      : '  over:     no message came',
    `  messages: ${messages} in all, every one with a right signature`,
  ];
}

export const NEXT_STEPS = [
  '',
  'Next',
  '  npm start                              keeps a Tracehound running; its API is described at http://127.0.0.1:16686/api/docs',
  '  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318    lets your own services send their spans to it',
  '  npm run demo -- --fault errors         shows another fault',
  '  npm run replay -- <file or folder>     plays recorded spans with labelled faults',
];
