import { z } from 'zod';
import { standing, type GroupAction } from '../model/incident-action.js';

export const GroupActionsView = z
  .object({
    acknowledged: z.object({ by: z.string(), at: z.iso.datetime() }).nullable(),
    actions: z
      .array(
        z.object({
          at: z.iso.datetime(),
          kind: z.enum(['acknowledged', 'acknowledgement_withdrawn']),
          by: z.string(),
          comment: z.string(),
          via: z
            .object({ channelId: z.guid(), channelName: z.string().nullable().describe('Null: it was deleted.') })
            .nullable()
            .describe('The channel whose message had the link that was used; null: over the API.'),
        }),
      )
      .describe('Oldest first; of earlier times when such a group fired, too.'),
  })
  .meta({ id: 'GroupActions' });
export type GroupActionsView = z.infer<typeof GroupActionsView>;

export function groupActionsView(actions: readonly GroupAction[]): GroupActionsView {
  const { acknowledged } = standing(actions.map((action) => ({ ...action, subject: null })));
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    acknowledged: acknowledged && { by: acknowledged.by, at: iso(acknowledged.atMs) },
    actions: actions.map(({ atMs, kind, by, comment, channelId, channelName }) => ({
      at: iso(atMs),
      kind,
      by,
      comment,
      via: channelId === null ? null : { channelId, channelName },
    })),
  };
}
