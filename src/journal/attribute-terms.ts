import type { SpanMemory } from './span-table.js';

const KEY = 0x0a;
const FIRST_CAPACITY = 4_096;
/** Beyond, a request's terms are not kept and its segment has no filter. */
const MOST_TERMS = 1_048_576;
/** Terms met lately, so that what every span says is kept about once. */
const RECENT = 4_096;
const recent = new Int32Array(RECENT);
const WILD = 0x5bd1e995;
/** Nobody looks for a stack trace by its text: a longer KeyValue is noted by its key. */
const MOST_BYTES = 256;

/**
 * What the attributes of a request say, a hash for each: of the whole KeyValue in its usual form, else of its key alone, which then stands for
 * any value. Only one list is filled at a time.
 */
export class AttributeTerms {
  n = 0;
  private values: Int32Array;
  private memory: Buffer;
  private readonly view: DataView;
  isComplete = true;

  constructor(
    bytes: Uint8Array,
    private readonly source: SpanMemory,
  ) {
    this.view = viewOf(bytes);
    this.memory = source.take(FIRST_CAPACITY * 4);
    this.values = columnIn(this.memory);
    // Zero would look as if it had been met.
    recent.fill(1);
    recent[1] = 0;
  }

  /** Hashes; the last ones kept may be missing unless `isComplete`. */
  all(): Int32Array {
    return this.values.subarray(0, this.n);
  }

  /** Adds the KeyValue in bytes [from, to), which must be in its usual form (see `isPlain` of the scanner). */
  add(from: number, to: number): void {
    if (to - from <= MOST_BYTES) this.keep(hashOf(this.view, from, to));
    else this.addKey(from + 2, from + 2 + this.view.getUint8(from + 1));
  }

  /** Adds the key in bytes [from, to), with any value. */
  addKey(from: number, to: number): void {
    this.keep(hashOf(this.view, from, to) ^ WILD);
  }

  release(): void {
    this.source.give(this.memory);
    this.n = 0;
    this.isComplete = false;
  }

  private keep(hash: number): void {
    const slot = hash & (RECENT - 1);
    if (recent[slot] === hash) return;
    recent[slot] = hash;
    if (this.n === this.values.length && !this.grow()) return;
    this.values[this.n++] = hash;
  }

  private grow(): boolean {
    if (this.n >= MOST_TERMS) {
      this.isComplete = false;
      return false;
    }
    const before = this.memory;
    const values = this.all();
    this.memory = this.source.take(this.n * 8);
    this.values = columnIn(this.memory);
    this.values.set(values);
    this.source.give(before);
    return true;
  }
}

/** The hashes under which a segment has an attribute whose value reads so (as `search-filter` compares), each of its forms. Null: any segment may have it. */
export function termsOf(key: string, value: string): number[] | null {
  // What is not UTF-8 is shown with this letter.
  if (key.includes('\ufffd') || value.includes('\ufffd') || value === 'NaN') return null;
  const keyBytes = Buffer.from(key);
  const wild = hashOf(viewOf(keyBytes), 0, keyBytes.length) ^ WILD;
  const forms = keyBytes.length > 127 ? [] : valuesThatRead(value).map((form) => keyValue(keyBytes, form));
  return [...new Set([wild, ...forms.map((bytes) => hashOf(viewOf(bytes), 0, bytes.length))])];
}

/** AnyValue messages in their usual form that read as this text; arrays, objects and bytes are never in it. */
function valuesThatRead(text: string): Buffer[] {
  const string = Buffer.from(text);
  const forms: Buffer[] = [Buffer.concat([Buffer.from([0x0a]), lengthOf(string), string])];
  if (text === 'true' || text === 'false') forms.push(Buffer.from([0x10, text === 'true' ? 1 : 0]));
  if (/^-?\d{1,19}$/.test(text)) forms.push(Buffer.from([0x18, ...varint(BigInt.asUintN(64, BigInt(text)))]));
  const number = text.trim() === '' ? NaN : Number(text);
  if (!Number.isNaN(number)) for (const each of number === 0 ? [0, -0] : [number]) forms.push(double(each));
  return forms;
}

function keyValue(key: Buffer, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([KEY, key.length]), key, Buffer.from([0x12]), lengthOf(value), value]);
}

const lengthOf = ({ length }: Buffer) => Buffer.from(varint(BigInt(length)));

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return [...bytes, Number(value)];
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0x21);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function columnIn(memory: Buffer): Int32Array {
  return new Int32Array(memory.buffer, 0, memory.length >>> 2);
}

/** Two lanes of four bytes a step, each that of Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4); the last four may be taken twice. */
function hashOf(view: DataView, from: number, to: number): number {
  let a = Math.imul(to - from, 0x85ebca77);
  let b = 0x5bd1e995;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    a = Math.imul(a ^ view.getInt32(at, true), 0x9e3779b1);
    b = Math.imul(b ^ view.getInt32(at + 4, true), 0x85ebca77);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  if (at + 4 <= to) {
    a = Math.imul(a ^ view.getInt32(at, true), 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ view.getInt32(to - 4, true), 0x85ebca77);
  } else for (; at < to; at++) a = Math.imul(a ^ view.getUint8(at), 0x9e3779b1);
  a ^= b ^ (b >>> 16);
  a = Math.imul(a ^ (a >>> 13), 0x85ebca77);
  return a ^ (a >>> 16);
}
