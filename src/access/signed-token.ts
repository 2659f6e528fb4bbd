import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

const ALGORITHM = 'HS256';

/** A JWT about `subject` that holds these claims until then. */
export function signToken(
  key: Uint8Array,
  subject: string,
  claims: Record<string, unknown>,
  expiresAtMs: number,
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(subject)
    .setExpirationTime(Math.floor(expiresAtMs / 1_000))
    .sign(key);
}

/** What the token holds; `expired` when it did, `unknown` when none of the keys (newest first) signed such a one. */
export async function readToken<T extends z.ZodType>(
  keys: readonly Uint8Array[],
  token: string,
  payloadOf: T,
  nowMs: number,
): Promise<z.output<T> | 'expired' | 'unknown'> {
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: [ALGORITHM], currentDate: new Date(nowMs) });
      return payloadOf.parse(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) return 'expired';
      if (!(error instanceof errors.JOSEError || error instanceof z.ZodError || error instanceof TypeError))
        throw error;
    }
  }
  return 'unknown';
}
