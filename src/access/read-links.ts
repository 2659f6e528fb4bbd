import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import type { ReadClaim } from '../model/read-link.js';
import { SecretBox } from '../store/secret-box.js';
import { readToken, signToken } from './signed-token.js';

/** As long as the spans of what is strange are kept without any setting. */
const VALID_MS = 168 * 3_600_000;
const PURPOSE = 'tracehound read links v1';

const Payload = z.object({ ten: z.int(), sub: z.string(), see: z.enum(['incident', 'alert', 'trace']), exp: z.int() });

/** Makes the links of messages to what they tell of, which open without a key, and says what such a link shows. */
@Injectable()
export class ReadLinks {
  /** Newest first. */
  private readonly keys: readonly Uint8Array[];

  constructor(
    box: SecretBox,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl' | 'publicUrlIsSet'>,
  ) {
    this.keys = box.derive(PURPOSE);
  }

  /** Null when nobody said under which address readers reach this service. */
  async url(about: Omit<ReadClaim, 'expiresAtMs'>, nowMs: number): Promise<string | null> {
    if (!this.config.publicUrlIsSet) return null;
    return `${this.config.publicUrl}/see/${await this.sign({ ...about, expiresAtMs: nowMs + VALID_MS })}`;
  }

  sign({ tenantId, kind, id, expiresAtMs }: ReadClaim): Promise<string> {
    return signToken(this.keys[0]!, id, { ten: tenantId, see: kind }, expiresAtMs);
  }

  /** What the token lets see; `expired` when it did, `unknown` when this service did not make it. */
  async read(token: string, nowMs: number): Promise<ReadClaim | 'expired' | 'unknown'> {
    const payload = await readToken(this.keys, token, Payload, nowMs);
    if (typeof payload === 'string') return payload;
    return { tenantId: payload.ten, kind: payload.see, id: payload.sub, expiresAtMs: payload.exp * 1_000 };
  }
}
