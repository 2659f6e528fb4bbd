import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Rejected } from '../model/failure.js';

const VERSION = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;

/** Sealed bytes cannot be opened; the message says what to do and holds nothing secret. */
export class SealBroken extends Rejected {
  constructor(message: string) {
    super('secret_unreadable', message, 409);
  }
}

interface Key {
  key: Buffer;
  id: Buffer;
}

/**
 * Seals what must not stand in the database in clear: AES-256-GCM, laid out as version, key id, nonce, tag, ciphertext. `about` (say,
 * tenant and channel) is authenticated with it, so that a sealed value moved to another row does not open there.
 */
export class SecretBox {
  private readonly current: Key;
  private readonly previous: readonly Key[];
  private readonly secrets: readonly string[];

  /**
   * `secret` is high-entropy text (32 random bytes or more in any encoding); a key is derived from it by HKDF-SHA-256. What those in
   * `previous` sealed can still be opened; nothing new is sealed with them.
   */
  constructor(secret: string, previous: readonly string[] = []) {
    this.secrets = [secret, ...previous];
    this.current = deriveKey(secret);
    this.previous = previous.map(deriveKey);
  }

  /** Keys of 256 bits for another purpose than sealing, the current one first, then those of previous secrets. */
  derive(purpose: string): Uint8Array[] {
    return this.secrets.map((secret) => new Uint8Array(hkdfSync('sha256', secret, '', purpose, 32)));
  }

  /** Whether it was sealed with the key at hand rather than with a previous one. */
  isCurrent(sealed: Buffer): boolean {
    return keyIdOf(sealed).equals(this.current.id);
  }

  /** Whether any key at hand sealed it. */
  knows(sealed: Buffer): boolean {
    return this.keyOf(sealed) !== undefined;
  }

  private keyOf(sealed: Buffer): Key | undefined {
    return [this.current, ...this.previous].find(({ id }) => id.equals(keyIdOf(sealed)));
  }

  seal(plain: string, about: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.current.key, nonce).setAAD(Buffer.from(about));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), this.current.id, nonce, cipher.getAuthTag(), sealed]);
  }

  /** Throws SealBroken when the bytes were sealed with another key, for another `about`, or were changed. */
  open(sealed: Buffer, about: string): string {
    if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) {
      throw new SealBroken('the stored secret is not in a known form; delete the channel and make it again');
    }
    const found = this.keyOf(sealed);
    if (found === undefined) {
      throw new SealBroken(
        `the stored secret was sealed with key ${keyIdOf(sealed).toString('hex')}, and the key at hand is ${this.current.id.toString('hex')}; ` +
          'restore TRACEHOUND_SECRET_KEY (or the file secret.key in the data directory), name the old key in ' +
          'TRACEHOUND_SECRET_KEY_PREVIOUS, or delete the channel and make it again',
      );
    }
    const nonce = sealed.subarray(1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + NONCE_BYTES);
    const tag = sealed.subarray(1 + KEY_ID_BYTES + NONCE_BYTES, HEADER_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', found.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(about)).setAuthTag(tag);
    try {
      return decipher.update(sealed.subarray(HEADER_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new SealBroken(
        'the stored secret was changed or belongs to another row; delete the channel and make it again',
      );
    }
  }
}

function deriveKey(secret: string): Key {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'tracehound secret box v1', 32));
  return { key, id: createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES) };
}

function keyIdOf(sealed: Buffer): Buffer {
  return sealed.subarray(1, 1 + KEY_ID_BYTES);
}

/** The box of TRACEHOUND_SECRET_KEY or, without it, of the file `secret.key` in the data directory, which is made at the first start. */
export function secretBoxFrom(config: {
  secretKey?: string | undefined;
  previousSecretKeys?: readonly string[];
  dataDir: string;
}): SecretBox {
  const secret = config.secretKey ?? readOrMakeKeyFile(path.resolve(config.dataDir, 'secret.key'));
  return new SecretBox(secret, config.previousSecretKeys);
}

function readOrMakeKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  const half = `${file}.${process.pid}`;
  writeFileSync(half, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  try {
    // Links rather than renames: of two processes that start at once, the second keeps the first one's key.
    linkSync(half, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(half);
  }
  return readFileSync(file, 'utf8').trim();
}
