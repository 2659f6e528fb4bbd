const KEY_FORM = /^th_([0-9a-z]{8})_[0-9A-Za-z_-]{43}$/;
const PREFIX_LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/** Bytes of chance that one key takes: eight for the prefix, 32 for the secret. */
export const KEY_RANDOM_BYTES = 40;

/** Builds `th_<prefix>_<secret>` from 40 random bytes; the prefix may be shown and stored, the whole key may not. */
export function formatKey(random: Uint8Array): { key: string; prefix: string } {
  if (random.length !== KEY_RANDOM_BYTES) throw new RangeError(`a key takes ${KEY_RANDOM_BYTES} random bytes`);
  const prefix = Array.from(random.subarray(0, 8), (byte) => PREFIX_LETTERS[byte % PREFIX_LETTERS.length]).join('');
  return { key: `th_${prefix}_${base64Url(random.subarray(8))}`, prefix };
}

/** The prefix of a well-formed key, else null. */
export function keyPrefix(key: string): string | null {
  return KEY_FORM.exec(key)?.[1] ?? null;
}

/** The key in `Authorization: Bearer <key>` (the scheme in any case), null when the header has another form. */
export function bearerKey(header: string): string | null {
  return /^bearer +([^\s]+)\s*$/i.exec(header)?.[1] ?? null;
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
