import { z } from 'zod';
import { SEVERITIES } from '../model/incident.js';
import type { Recurrence } from '../model/recurrence.js';

export const FrequentAlertList = z
  .object({
    frequentAlerts: z
      .array(
        z.object({
          id: z.guid(),
          ruleId: z.guid(),
          labels: z.record(z.string(), z.string()).describe('What they share; incident and severity may differ.'),
          times: z.number().describe('How often it had come when that was told.'),
          withinS: z.number(),
          mutedSince: z.iso.datetime(),
          mutedUntil: z.iso.datetime(),
          held: z.number().describe('How often it came since, and was not told.'),
          severity: z.enum(SEVERITIES).describe('The worst before; a higher one is told.'),
        }),
      )
      .describe('Those that are muted now, at most 1,000.'),
  })
  .meta({ id: 'FrequentAlertList' });
export type FrequentAlertList = z.infer<typeof FrequentAlertList>;

export function frequentAlertList(recurrences: readonly (Recurrence & { id: string })[]): FrequentAlertList {
  return {
    frequentAlerts: recurrences.flatMap(({ id, ruleId, labels, mute, held, severity }) =>
      mute === null
        ? []
        : [
            {
              id,
              ruleId,
              labels,
              times: mute.times,
              withinS: mute.withinS,
              mutedSince: new Date(mute.fromMs).toISOString(),
              mutedUntil: new Date(mute.untilMs).toISOString(),
              held,
              severity,
            },
          ],
    ),
  };
}
