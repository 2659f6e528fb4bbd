import type { NameRange } from './span-table.js';

const FIRST_ENTRIES = 1_024;
/** Beyond, everything is forgotten and learned again: names that never come back must not fill the memory. */
const MAX_ENTRIES = 131_072;
const MAX_NAME_BYTES = 1_024;
/** Of all names, on average. */
const NAME_BYTES = 64;
/** A search gives up after this many slots, so that names made to collide cost no more than others. */
const MAX_PROBES = 8;

/** Ids of operations by their service, kind and the bytes of their name as they were sent: no string is made of a name that is here. */
export class OperationCache {
  private n = 0;
  private slots!: Int32Array;
  private owners!: Float64Array;
  private ids!: Int32Array;
  private ats!: Int32Array;
  private sizes!: Int32Array;
  private names!: Buffer;
  private nameBytes = 0;

  constructor() {
    this.clear(FIRST_ENTRIES);
  }

  /** `owner`: a number for service, kind and whatever else tells equal names apart. */
  get(owner: number, bytes: Uint8Array, name: NameRange): number | undefined {
    const { slots, owners } = this;
    const size = name.to - name.at;
    const hash = hashOf(owner, name.hash);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const entry = slots[(hash + probe) & (slots.length - 1)]!;
      if (entry < 0) return undefined;
      if (owners[entry] === owner && this.sizes[entry] === size && this.isEqual(entry, bytes, name))
        return this.ids[entry];
    }
    return undefined;
  }

  /** Notes an id that `get` did not find. Best effort. */
  set(owner: number, bytes: Uint8Array, name: NameRange, id: number): void {
    const size = name.to - name.at;
    if (size > MAX_NAME_BYTES) return;
    if (this.n === this.ids.length || this.nameBytes + size > this.names.length) this.grow();
    const slot = this.freeSlot(hashOf(owner, name.hash));
    if (slot < 0) return;
    const entry = this.n++;
    this.slots[slot] = entry;
    this.owners[entry] = owner;
    this.ids[entry] = id;
    this.ats[entry] = this.nameBytes;
    this.sizes[entry] = size;
    this.names.set(bytes.subarray(name.at, name.to), this.nameBytes);
    this.nameBytes += size;
  }

  private isEqual(entry: number, bytes: Uint8Array, { at, to }: NameRange): boolean {
    const from = this.ats[entry]! - at;
    for (let i = at; i < to; i++) if (this.names[from + i] !== bytes[i]) return false;
    return true;
  }

  private freeSlot(hash: number): number {
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & (this.slots.length - 1);
      if (this.slots[slot]! < 0) return slot;
    }
    return -1;
  }

  /** What is known is forgotten: it comes back with the next requests. */
  private grow(): void {
    const entries = this.ids.length * 4;
    this.clear(Math.min(entries, MAX_ENTRIES));
  }

  private clear(entries: number): void {
    this.n = 0;
    this.nameBytes = 0;
    this.slots = new Int32Array(entries * 4).fill(-1);
    this.owners = new Float64Array(entries);
    this.ids = new Int32Array(entries);
    this.ats = new Int32Array(entries);
    this.sizes = new Int32Array(entries);
    this.names = Buffer.allocUnsafeSlow(Math.max(entries * NAME_BYTES, MAX_NAME_BYTES));
  }
}

function hashOf(owner: number, nameHash: number): number {
  const mixed = Math.imul(nameHash ^ Math.imul(owner | 0, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
