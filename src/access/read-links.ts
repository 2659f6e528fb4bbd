import { Inject, Injectable } from '@nestjs/common';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import type { ReadClaim } from '../model/read-link.js';
import { SecretBox } from '../store/secret-box.js';

/** As long as the spans of what is strange are kept without any setting. */
const VALID_MS = 168 * 3_600_000;
const PURPOSE = 'tracehound read links v1';
const ALGORITHM = 'HS256';

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

  async sign({ tenantId, kind, id, expiresAtMs }: ReadClaim): Promise<string> {
    return new SignJWT({ ten: tenantId, see: kind })
      .setProtectedHeader({ alg: ALGORITHM })
      .setSubject(id)
      .setExpirationTime(Math.floor(expiresAtMs / 1_000))
      .sign(this.keys[0]!);
  }

  /** What the token lets see; `expired` when it did, `unknown` when this service did not make it. */
  async read(token: string, nowMs: number): Promise<ReadClaim | 'expired' | 'unknown'> {
    for (const key of this.keys) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: [ALGORITHM], currentDate: new Date(nowMs) });
        const { ten, sub, see, exp } = Payload.parse(payload);
        return { tenantId: ten, kind: see, id: sub, expiresAtMs: exp * 1_000 };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return 'expired';
        if (!(error instanceof errors.JOSEError || error instanceof z.ZodError || error instanceof TypeError))
          throw error;
      }
    }
    return 'unknown';
  }
}
