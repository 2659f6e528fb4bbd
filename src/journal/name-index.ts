import type { NameRange } from './span-table.js';

const MIN_SLOTS = 64;
const MAX_SLOTS = 4096;
/** A search gives up after this many slots, so that names made to collide cost no more than others. */
const MAX_PROBES = 8;

/**
 * Finds equal names in one buffer without making strings of them. Best effort: when it gives up, a name gets a second number, which costs the
 * caller a second lookup and nothing else.
 */
export class NameIndex {
  private readonly slots: Int32Array;

  /** `expected`: about how many names there may be. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly names: NameRange[],
    expected: number,
  ) {
    let size = MIN_SLOTS;
    while (size < expected * 2 && size < MAX_SLOTS) size *= 2;
    this.slots = new Int32Array(size).fill(-1);
  }

  /** The number (index into `names`) of the name in bytes [at, to). */
  number(at: number, to: number): number {
    const { bytes, slots, names } = this;
    let hash = 0x811c9dc5 ^ (to - at);
    for (let i = at; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    hash ^= hash >>> 15;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & (slots.length - 1);
      const number = slots[slot]!;
      if (number < 0) {
        slots[slot] = names.length;
        break;
      }
      const name = names[number]!;
      if (name.hash === hash && this.isEqual(name, at, to)) return number;
    }
    return names.push({ at, to, hash }) - 1;
  }

  private isEqual(name: NameRange, at: number, to: number): boolean {
    if (name.to - name.at !== to - at) return false;
    for (let i = 0; i < to - at; i++) if (this.bytes[name.at + i] !== this.bytes[at + i]) return false;
    return true;
  }
}
