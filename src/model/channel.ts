export const CHANNEL_TYPES = ['webhook', 'slack'] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Where messages go. The secret part (URL of a Slack hook, signing secret of a webhook) is only ever held decrypted in memory. */
export interface Channel {
  id: string;
  tenantId: number;
  name: string;
  type: ChannelType;
  enabled: boolean;
  url: string;
  /** Standard Webhooks signing secrets, newest first; empty for Slack. */
  signingSecrets: string[];
}
