import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import { LINK_ACTIONS, type LinkAction, type LinkClaim } from '../model/action-link.js';
import { SecretBox } from '../store/secret-box.js';
import { readToken, signToken } from './signed-token.js';

/** From Friday evening to Monday morning; what lasts longer is told again, with new links. */
const VALID_MS = 72 * 3_600_000;
const PURPOSE = 'tracehound action links v1';

const Payload = z.object({
  ten: z.int(),
  sub: z.guid(),
  grp: z.guid(),
  inc: z.guid().optional(),
  act: z.enum(LINK_ACTIONS),
  exp: z.int(),
});

/** Makes the links by which people act out of a message, and says what such a link allows. JWTs under a key derived from the operator's. */
@Injectable()
export class ActionLinks {
  /** Newest first. */
  private readonly keys: readonly Uint8Array[];

  constructor(
    box: SecretBox,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl' | 'publicUrlIsSet'>,
  ) {
    this.keys = box.derive(PURPOSE);
  }

  /** Null when nobody said under which address readers reach this service: a link would lead to their own machine. */
  async url(action: LinkAction, about: Omit<LinkClaim, 'action' | 'expiresAtMs'>, nowMs: number) {
    if (!this.config.publicUrlIsSet) return null;
    return `${this.config.publicUrl}/act/${await this.sign({ ...about, action, expiresAtMs: nowMs + VALID_MS })}`;
  }

  sign({ tenantId, notificationId, groupId, incidentId, action, expiresAtMs }: LinkClaim): Promise<string> {
    const claims = { ten: tenantId, grp: groupId, ...(incidentId !== null && { inc: incidentId }), act: action };
    return signToken(this.keys[0]!, notificationId, claims, expiresAtMs);
  }

  /** What the token allows; `expired` when it did, `unknown` when this service did not make it. */
  async read(token: string, nowMs: number): Promise<LinkClaim | 'expired' | 'unknown'> {
    const payload = await readToken(this.keys, token, Payload, nowMs);
    if (typeof payload === 'string') return payload;
    const { ten, sub, grp, inc = null, act, exp } = payload;
    const claim = { tenantId: ten, notificationId: sub, groupId: grp, incidentId: inc, action: act };
    return { ...claim, expiresAtMs: exp * 1_000 };
  }
}
