/** What a link in a message leads to. */
export const LINK_ACTIONS = ['acknowledge', 'silence', 'feedback'] as const;
export type LinkAction = (typeof LINK_ACTIONS)[number];

/** What a link allows whoever has it: one action, once, on what one message is about, until it expires. */
export interface LinkClaim {
  tenantId: number;
  /** The message that it stands in. */
  notificationId: string;
  groupId: string;
  /** Null when the message is about no single incident. */
  incidentId: string | null;
  action: LinkAction;
  expiresAtMs: number;
}
