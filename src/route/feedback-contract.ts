import { z } from 'zod';
import { FEEDBACK_VERDICTS, type Feedback } from '../model/feedback.js';
import { line } from '../text-line.js';

export const FeedbackInput = z
  .strictObject({
    verdict: z.enum(FEEDBACK_VERDICTS),
    by: line(200).describe('Who says so.'),
    comment: z
      .string()
      .trim()
      .max(2_000)
      .regex(/^[^\0]*$/u, 'must not contain NUL')
      .default(''),
  })
  .meta({ id: 'FeedbackInput' });
export type FeedbackInput = z.infer<typeof FeedbackInput>;

export const FeedbackList = z
  .object({
    feedback: z
      .array(
        z.object({
          alertId: z.guid(),
          ruleId: z.guid(),
          incidentId: z.guid().nullable(),
          firedAt: z.iso.datetime().describe('Which firing of the alert it is about.'),
          verdict: z.enum(FEEDBACK_VERDICTS),
          by: z.string(),
          comment: z.string(),
          at: z.iso.datetime(),
        }),
      )
      .describe('The last word on each firing, newest first, at most 1,000.'),
  })
  .meta({ id: 'FeedbackList' });
export type FeedbackList = z.infer<typeof FeedbackList>;

export function feedbackList(feedback: readonly Feedback[]): FeedbackList {
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    feedback: feedback.map(({ alertId, ruleId, incidentId, firedAtMs, verdict, by, comment, atMs }) => ({
      alertId,
      ruleId,
      incidentId,
      firedAt: iso(firedAtMs),
      verdict,
      by,
      comment,
      at: iso(atMs),
    })),
  };
}
