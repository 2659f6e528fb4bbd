const VARINT = 0;
const FIXED64 = 1;
const LEN = 2;
const FIXED32 = 5;

/** One input: an ExportTraceServiceRequest, and how much of a request it still is. */
export interface FuzzInput {
  bytes: Buffer;
  /** False: bytes were changed after it was made, so that it may be no request any more. */
  isValid: boolean;
}

/**
 * Input number `n` of a seed, the same always: a request with its fields in any order, unknown fields (packed numbers among them), repeated
 * singular fields, longer varints than needed, ids of wrong length, deep values; and one in two of them then cut or changed in a few places.
 */
export function fuzzInput(seed: number, n: number): FuzzInput {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b));
  const maker = new Maker(chance);
  const made = maker.request();
  if (chance.random() < 0.5) return { bytes: made, isValid: maker.isValid };
  return { bytes: damaged(made, chance), isValid: false };
}

/** Cuts it, or replaces, inserts, removes or doubles bytes at one to three places. */
function damaged(bytes: Buffer, { below }: Chance): Buffer {
  let changed = Buffer.from(bytes);
  for (let edits = 1 + below(3); edits > 0 && changed.length > 0; edits--) {
    const at = below(changed.length);
    const few = 1 + below(4);
    switch (below(6)) {
      case 0:
        changed = changed.subarray(0, at);
        break;
      case 1:
        changed[at] = below(256);
        break;
      case 2:
        changed[at]! ^= 1 << below(8);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + few)]);
        break;
      case 4:
        changed = Buffer.concat([changed.subarray(0, at), Buffer.from([below(256), below(128)]), changed.subarray(at)]);
        break;
      default:
        changed = Buffer.concat([changed.subarray(0, at + few), changed.subarray(at)]);
    }
  }
  return changed;
}

/** George Marsaglia's xorshift32: the cost of chance must not be that of the reader. */
class Chance {
  private readonly state = new Int32Array(1);

  constructor(seed: number) {
    this.state[0] = seed || 1;
    // The first numbers of neighbouring seeds resemble each other.
    for (let i = 0; i < 8; i++) this.random();
  }

  random(): number {
    let x = this.state[0]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state[0] = x;
    return (x >>> 0) / 4_294_967_296;
  }

  readonly below = (n: number): number => Math.floor(this.random() * n);
}

class Maker {
  /** False once it made something that no request holds. */
  isValid = true;

  constructor(private readonly chance: Chance) {}

  request(): Buffer {
    return this.message(this.some(3, () => this.bytes(1, this.resourceSpans())));
  }

  private resourceSpans(): Buffer {
    return this.message([
      ...this.maybe(0.8, () => this.bytes(1, this.resource())),
      ...this.some(2, () => this.bytes(2, this.scopeSpans())),
      ...this.maybe(0.1, () => this.bytes(3, this.text())),
    ]);
  }

  private resource(): Buffer {
    return this.message([
      ...this.some(3, () => this.bytes(1, this.attribute())),
      ...this.maybe(0.1, () => this.number(2, this.below(1e6))),
      ...this.maybe(0.05, () => this.bytes(3, this.text())),
    ]);
  }

  private scopeSpans(): Buffer {
    const scope = () =>
      this.message([
        ...this.maybe(0.7, () => this.bytes(1, this.text())),
        ...this.some(1, () => this.bytes(3, this.attribute())),
      ]);
    return this.message([
      ...this.maybe(0.5, () => this.bytes(1, scope())),
      ...this.some(4, () => this.bytes(2, this.span())),
    ]);
  }

  private span(): Buffer {
    return this.message([
      ...this.maybe(0.95, () => this.bytes(1, this.id(16))),
      ...this.maybe(0.95, () => this.bytes(2, this.id(8))),
      ...this.maybe(0.2, () => this.bytes(3, Buffer.from(this.one(TRACE_STATES)))),
      ...this.maybe(0.6, () => this.bytes(4, this.id(8))),
      ...this.maybe(0.9, () => this.bytes(5, this.text())),
      ...this.maybe(0.8, () => this.number(6, this.one([0, 1, 2, 3, 4, 5, 6, 255, 2 ** 31, 2 ** 32 - 1]))),
      ...this.maybe(0.95, () => this.fixed(7, 8)),
      ...this.maybe(0.95, () => this.fixed(8, 8)),
      ...this.some(3, () => this.bytes(9, this.attribute())),
      ...this.some(1, () => this.bytes(11, this.event())),
      ...this.some(1, () => this.bytes(13, this.link())),
      ...this.maybe(0.4, () => this.bytes(15, this.status())),
      ...this.maybe(0.2, () => this.fixed(16, 4)),
      ...this.maybe(0.05, () => this.number(10, this.below(100))),
    ]);
  }

  private event(): Buffer {
    return this.message([
      ...this.maybe(0.9, () => this.fixed(1, 8)),
      ...this.maybe(0.9, () => this.bytes(2, this.text())),
      ...this.some(2, () => this.bytes(3, this.attribute())),
    ]);
  }

  private link(): Buffer {
    return this.message([
      ...this.maybe(0.9, () => this.bytes(1, this.id(16))),
      ...this.maybe(0.9, () => this.bytes(2, this.id(8))),
      ...this.some(1, () => this.bytes(4, this.attribute())),
      ...this.maybe(0.2, () => this.fixed(6, 4)),
    ]);
  }

  private status(): Buffer {
    return this.message([
      ...this.maybe(0.3, () => this.bytes(2, this.text())),
      ...this.maybe(0.8, () => this.number(3, this.below(4))),
    ]);
  }

  private attribute(depth = 0): Buffer {
    const key = this.chance.random() < 0.3 ? Buffer.from('service.name') : this.text();
    return this.message([
      ...this.maybe(0.95, () => this.bytes(1, key)),
      ...this.maybe(0.95, () => this.bytes(2, this.value(depth))),
    ]);
  }

  private value(depth: number): Buffer {
    const kind = depth > 7 ? this.below(5) : this.below(depth === 0 ? 9 : 12);
    const values = () => this.message(this.some(2, () => this.bytes(1, this.value(depth + 1))));
    const pairs = () => this.message(this.some(2, () => this.bytes(1, this.attribute(depth + 1))));
    const variant = () => {
      switch (kind) {
        case 0:
          return this.number(2, this.below(2));
        case 1:
          return this.number(3, this.below(2 ** 32));
        case 2:
          return this.fixed(4, 8);
        case 3:
          return this.bytes(7, this.noise(this.below(9)));
        case 7:
        case 9:
          return this.bytes(5, values());
        case 8:
        case 10:
          return this.bytes(6, pairs());
        default:
          return this.bytes(1, this.text());
      }
    };
    return this.message([...this.maybe(0.97, variant), ...this.maybe(0.03, () => this.bytes(1, this.text()))]);
  }

  /** Fields as one message: mostly in order, else in any; now and then with one nobody knows, or one twice. */
  private message(fields: Buffer[]): Buffer {
    if (fields.length > 0 && this.chance.random() < 0.04) fields.push(this.one(fields));
    if (this.chance.random() < 0.06) fields.push(this.unknown());
    if (this.chance.random() < 0.002) fields.push(this.foreign());
    if (this.chance.random() < 0.4) {
      for (let i = fields.length - 1; i > 0; i--) {
        const k = this.below(i + 1);
        [fields[i], fields[k]] = [fields[k]!, fields[i]!];
      }
    }
    return Buffer.concat(fields);
  }

  private unknown(): Buffer {
    const field = this.one([17, 99, 2_000, 536_870_911]);
    switch (this.below(5)) {
      case 0:
        return this.number(field, this.below(2 ** 32));
      case 1:
        return this.fixed(field, 8);
      case 2:
        return this.fixed(field, 4);
      case 3: // repeated numbers, packed
        return this.bytes(field, Buffer.concat(this.some(6, () => this.varint(this.below(2 ** 32)))));
      default: // and not packed
        return Buffer.concat(this.some(4, () => this.number(field, this.below(300))));
    }
  }

  /** What OTLP has nowhere: a known field as another type, a group, field number 0. */
  private foreign(): Buffer {
    this.isValid = false;
    const field = this.below(17);
    switch (this.below(3)) {
      case 0:
        return this.number(field, this.below(300));
      case 1:
        return this.fixed(field, this.one([4, 8]));
      default:
        return Buffer.concat([this.varint(field * 8 + 3), this.number(1, 1), this.varint(field * 8 + 4)]);
    }
  }

  private bytes(field: number, content: Buffer): Buffer {
    return Buffer.concat([this.varint(field * 8 + LEN), this.varint(content.length), content]);
  }

  private number(field: number, value: number): Buffer {
    return Buffer.concat([this.varint(field * 8 + VARINT), this.varint(value, 10)]);
  }

  private fixed(field: number, size: 4 | 8): Buffer {
    const content = this.noise(size);
    // Times of this century, most of the time.
    if (size === 8 && this.chance.random() < 0.8)
      content.writeBigUInt64LE(1_700_000_000_000_000_000n + BigInt(this.below(1e9)));
    if (size === 8 && this.chance.random() < 0.05) content.fill(0);
    return Buffer.concat([this.varint(field * 8 + (size === 8 ? FIXED64 : FIXED32)), content]);
  }

  /** Now and then longer than it need be: tags and lengths up to five bytes, numbers up to ten. */
  private varint(value: number, most = 5): Buffer {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
    if (this.chance.random() < 0.01 && bytes.length < most) {
      for (let more = 1 + this.below(most - bytes.length); more > 0; more--) {
        bytes[bytes.length - 1]! |= 0x80;
        bytes.push(0);
      }
    }
    return Buffer.from(bytes);
  }

  private id(size: number): Buffer {
    const chance = this.chance.random();
    if (chance < 0.85) return this.noise(size);
    return chance < 0.9 ? Buffer.alloc(size) : this.noise(this.below(20));
  }

  private text(): Buffer {
    return this.chance.random() < 0.01 ? this.noise(this.below(12)) : Buffer.from(this.one(TEXTS));
  }

  private noise(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    for (let i = 0; i < size; i++) bytes[i] = this.below(256);
    return bytes;
  }

  private some(most: number, make: () => Buffer): Buffer[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  private maybe(chance: number, make: () => Buffer): Buffer[] {
    return this.chance.random() < chance ? [make()] : [];
  }

  private one<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  private below(n: number): number {
    return this.chance.below(n);
  }
}

const TEXTS = ['', 'GET', 'GET /cart', 'http.route', 'naïve', '\u0000', '日本語', '💥', '__proto__', 'x'.repeat(200)];
const TRACE_STATES = ['', 'ot=th:8', 'a=b,ot=rv:1;th:c', 'ot=th:xyz', 'ot=', ',,,', 'ot=th:0,ot=th:8'];
