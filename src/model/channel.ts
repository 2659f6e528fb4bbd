/** What a channel of each type needs besides a name and a URL. All of it is sealed in the database. */
export interface ChannelSettings {
  webhook: { headers: Record<string, string>; template: string | null };
  slack: Record<string, never>;
  slack_bot: { token: string; channel: string };
  pagerduty: { routingKey: string };
  teams: Record<string, never>;
  discord: Record<string, never>;
  google_chat: Record<string, never>;
  opsgenie: { apiKey: string };
  email: {
    host: string;
    port: number;
    /** starttls: nothing is sent before the connection is encrypted. implicit: TLS from the first byte. none: in clear. */
    security: 'starttls' | 'implicit' | 'none';
    user: string | null;
    password: string | null;
    from: string;
    to: string[];
  };
  alertmanager: { headers: Record<string, string> };
  alertmanager_webhook: { headers: Record<string, string> };
}

export const CHANNEL_TYPES = [
  'webhook',
  'slack',
  'slack_bot',
  'pagerduty',
  'teams',
  'discord',
  'google_chat',
  'opsgenie',
  'email',
  'alertmanager',
  'alertmanager_webhook',
] as const satisfies readonly (keyof ChannelSettings)[];
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Where messages go. URL, signing secrets and settings are only ever held decrypted in memory. */
export interface Channel<T extends ChannelType = ChannelType> {
  id: string;
  tenantId: number;
  name: string;
  type: T;
  enabled: boolean;
  url: string;
  /** Standard Webhooks signing secrets, newest first; empty for all but webhooks. */
  signingSecrets: string[];
  settings: ChannelSettings[T];
}

/** What a channel remembers of the first message about something, so that later ones stand in its thread. */
export interface ThreadReference {
  channel: string;
  message: string;
}
