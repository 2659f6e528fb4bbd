import { randomBytes } from 'node:crypto';
import type { ChannelSettings, ChannelType } from '../model/channel.js';
import type { SecretBox } from './secret-box.js';

/** What is secret of a channel. */
export interface ChannelSecret {
  url: string;
  /** Newest first; one without an end signs until it is replaced. */
  signingSecrets: { secret: string; untilMs?: number }[];
  /** Absent where an earlier version made the channel: it has none. */
  settings?: ChannelSettings[ChannelType];
}

/** How long the secret before the newest goes on signing, so that receivers can change over. */
const ROTATION_GRACE_MS = 24 * 3_600_000;

/** 32 random bytes, as Standard Webhooks writes them. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** The new secret first, and the one before it for a day. */
export function rotated(
  old: ChannelSecret['signingSecrets'],
  secret: string,
  nowMs: number,
): ChannelSecret['signingSecrets'] {
  const newest = old[0];
  return newest ? [{ secret }, { secret: newest.secret, untilMs: nowMs + ROTATION_GRACE_MS }] : [{ secret }];
}

/** Sealed so that it opens only in the row of this channel. */
export function sealSecret(box: SecretBox, row: { tenantId: number; id: string }, secret: ChannelSecret): Buffer {
  return box.seal(JSON.stringify(secret), about(row.tenantId, row.id));
}

/** Throws SealBroken when the row was sealed with another key. */
export function openSecret(box: SecretBox, row: { tenant_id: number; id: string; secret: Buffer }): ChannelSecret {
  return JSON.parse(box.open(row.secret, about(row.tenant_id, row.id))) as ChannelSecret;
}

function about(tenantId: number, id: string): string {
  return `channel ${tenantId} ${id}`;
}
