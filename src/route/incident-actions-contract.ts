import { z } from 'zod';
import { INCIDENT_ACTION_KINDS, standing, type IncidentAction } from '../model/incident-action.js';
import { line } from '../text-line.js';

const By = line(200).describe('Who does it.');
const Comment = z
  .string()
  .trim()
  .max(2_000)
  .regex(/^[^\u0000]*$/, 'must not contain NUL');

export const AcknowledgeInput = z
  .strictObject({ by: By, comment: Comment.default('') })
  .meta({ id: 'AcknowledgeInput' });
export type AcknowledgeInput = z.infer<typeof AcknowledgeInput>;

export const AssignInput = z
  .strictObject({ by: By, assignee: line(200).nullable().describe('Null: nobody.'), comment: Comment.default('') })
  .meta({ id: 'AssignInput' });
export type AssignInput = z.infer<typeof AssignInput>;

export const CommentInput = z.strictObject({ by: By, comment: Comment.min(1) }).meta({ id: 'CommentInput' });
export type CommentInput = z.infer<typeof CommentInput>;

export const WithdrawQuery = z.strictObject({ by: By.default('unnamed') });
export type WithdrawQuery = z.infer<typeof WithdrawQuery>;

export const IncidentActionsView = z
  .object({
    acknowledged: z.object({ by: z.string(), at: z.iso.datetime() }).nullable(),
    assignee: z.string().nullable(),
    actions: z
      .array(
        z.object({
          at: z.iso.datetime(),
          kind: z.enum(INCIDENT_ACTION_KINDS),
          by: z.string(),
          assignee: z.string().nullable(),
          comment: z.string(),
          via: z
            .object({ channelId: z.guid(), channelName: z.string().nullable().describe('Null: it was deleted.') })
            .nullable()
            .describe('The channel whose message had the link that was used; null: over the API.'),
        }),
      )
      .describe('Oldest first.'),
  })
  .meta({ id: 'IncidentActions' });
export type IncidentActionsView = z.infer<typeof IncidentActionsView>;

export function incidentActionsView(actions: readonly IncidentAction[]): IncidentActionsView {
  const { acknowledged, assignee } = standing(actions);
  return {
    acknowledged: acknowledged && { by: acknowledged.by, at: new Date(acknowledged.atMs).toISOString() },
    assignee,
    actions: actions.map(({ atMs, kind, by, subject, comment, channelId, channelName }) => ({
      at: new Date(atMs).toISOString(),
      kind,
      by,
      assignee: subject,
      comment,
      via: channelId === null ? null : { channelId, channelName },
    })),
  };
}
