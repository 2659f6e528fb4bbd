import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SealBroken, SecretBox, secretBoxFrom } from './secret-box.js';

const SECRET = '0f'.repeat(32);
const box = new SecretBox(SECRET);

describe('SecretBox', () => {
  it('opens what it sealed, and shows nothing of it', () => {
    const sealed = box.seal('https://hooks.example.com/geheim', 'channel 1 a');
    expect(box.open(sealed, 'channel 1 a')).toBe('https://hooks.example.com/geheim');
    expect(sealed.includes('geheim')).toBe(false);
    expect(box.seal('https://hooks.example.com/geheim', 'channel 1 a').equals(sealed)).toBe(false);
  });

  it('does not open another row, changed or cut bytes', () => {
    const sealed = box.seal('x', 'channel 1 a');
    expect(() => box.open(sealed, 'channel 1 b')).toThrow(SealBroken);
    expect(() => box.open(sealed, 'channel 2 a')).toThrow(SealBroken);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => box.open(changed, 'channel 1 a')).toThrow(SealBroken);
      expect(() => box.open(sealed.subarray(0, at), 'channel 1 a')).toThrow(SealBroken);
    }
  });

  it('names the keys when it was sealed with another', () => {
    const sealed = new SecretBox('1e'.repeat(32)).seal('x', 'channel 1 a');
    expect(() => box.open(sealed, 'channel 1 a')).toThrow(/sealed with key [0-9a-f]{8}.*TRACEHOUND_SECRET_KEY/);
  });
});

describe('secretBoxFrom', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tracehound-key-'));
  afterAll(() => rmSync(dataDir, { recursive: true }));

  it('makes a key file that only its owner reads, and uses it again', () => {
    const sealed = secretBoxFrom({ dataDir }).seal('x', 'row');
    const file = path.join(dataDir, 'secret.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim()).toHaveLength(43);
    expect(secretBoxFrom({ dataDir }).open(sealed, 'row')).toBe('x');
  });

  it('prefers the configured key', () => {
    const sealed = secretBoxFrom({ dataDir, secretKey: SECRET }).seal('x', 'row');
    expect(box.open(sealed, 'row')).toBe('x');
  });
});
