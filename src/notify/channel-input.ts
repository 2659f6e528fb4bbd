import type { Channel, ChannelSettings, ChannelType } from '../model/channel.js';
import type { ChannelChange, ChannelInput } from './channels-contract.js';

/** Fields of each type besides name, type and `enabled`. */
const FIELDS: Readonly<Record<ChannelType, readonly (keyof ChannelChange)[]>> = {
  webhook: ['url', 'headers', 'template'],
  slack: ['url'],
  slack_bot: ['url', 'token', 'channel'],
  pagerduty: ['url', 'routingKey'],
  teams: ['url'],
  discord: ['url'],
  google_chat: ['url'],
  opsgenie: ['url', 'apiKey'],
  email: ['host', 'port', 'security', 'user', 'password', 'from', 'to'],
  alertmanager: ['url', 'headers'],
  alertmanager_webhook: ['url', 'headers'],
};
const ANY: readonly (keyof ChannelChange)[] = ['name', 'type', 'enabled', 'rotateSecret'];
const SECRET: ReadonlySet<string> = new Set(['token', 'routingKey', 'apiKey', 'password']);

export type Settings = Channel['settings'];

/** The first field that a channel of this type does not have, or null. */
export function foreignField(type: ChannelType, change: ChannelChange): string | null {
  const known = new Set<string>([...ANY, ...FIELDS[type]]);
  return Object.keys(change).find((name) => !known.has(name)) ?? null;
}

/** What is set of the channel besides its URL: all of it, to be sealed, and what of it may be shown. Fields that are absent stay absent. */
export function settingsOf(
  type: ChannelType,
  given: ChannelInput | ChannelChange,
): { settings: Settings; shown: Record<string, unknown> } {
  const names = FIELDS[type].filter((name) => name !== 'url');
  const entries = Object.entries(given).filter(
    ([name, value]) => value !== undefined && names.some((each) => each === name),
  );
  const shown = entries
    .filter(([name]) => !SECRET.has(name))
    .map(([name, value]): [string, unknown] =>
      name === 'headers' ? ['headerNames', Object.keys(value as object)] : [name, value],
    );
  return { settings: Object.fromEntries(entries) as unknown as Settings, shown: Object.fromEntries(shown) };
}

/** Where a mail channel sends to, in the form of a URL: what is shown of it. */
export function mailUrl({ host, port }: Pick<ChannelSettings['email'], 'host' | 'port'>): string {
  return `smtp://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
