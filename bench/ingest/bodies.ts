/** Request bodies: templates of which every copy has ids and times of its own, compressed, in a file that any number of runs send. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { randomOf } from '../spans.js';
import { type BenchSpan, type Shape, type Template, encodeOtlp, encodeZipkin, makeRequests } from './traffic.js';

const gzipAsync = promisify(gzip);
const TEMPLATES = 64;
const SEED = 20_251_121;
const AT_ONCE = 4;

export interface Body {
  spans: number;
  bytes: Buffer;
}

export interface BodyFormat {
  shape: Shape;
  form: 'otlp' | 'zipkin';
  /** 0: not compressed. */
  gzipLevel: number;
  /** Event time of the first request, epoch ms; each following one is later by as much as `spansPerSecond` says. */
  fromMs: number;
  spansPerSecond: number;
}

/** Makes body after body, each different from all others. */
export class BodyMaker {
  private readonly requests: BenchSpan[][];
  private readonly templates: Template[];
  private readonly stepUs: number;

  constructor(private readonly format: BodyFormat) {
    this.requests = makeRequests(format.shape, TEMPLATES, SEED);
    this.templates = this.requests.map(encodeOtlp);
    const mean = this.templates.reduce((sum, { spans }) => sum + spans, 0) / TEMPLATES;
    this.stepUs = (mean / format.spansPerSecond) * 1e6;
  }

  /** Body number `k`, event time counted in requests since the first. */
  async make(k: number, step = k): Promise<Body> {
    const { form, fromMs, gzipLevel } = this.format;
    const salt = saltOf(Math.floor(k / TEMPLATES));
    const atUs = Math.round(fromMs * 1_000 + step * this.stepUs);
    const index = k % TEMPLATES;
    const bytes =
      form === 'otlp' ? patched(this.templates[index]!, salt, atUs) : encodeZipkin(this.requests[index]!, salt, atUs);
    return {
      spans: this.templates[index]!.spans,
      bytes: gzipLevel > 0 ? await gzipAsync(bytes, { level: gzipLevel }) : bytes,
    };
  }
}

function patched({ bytes, idsAt, timesAt }: Template, salt: Buffer, atUs: number): Buffer {
  const copy = Buffer.from(bytes);
  for (const at of idsAt) for (let i = 0; i < 8; i++) copy[at + i]! ^= salt[i]!;
  const shift = BigInt(atUs) * 1_000n;
  for (const at of timesAt) copy.writeBigUInt64LE(copy.readBigUInt64LE(at) + shift, at);
  return copy;
}

function saltOf(n: number): Buffer {
  const random = randomOf(n ^ 0x2545f491);
  const salt = Buffer.alloc(8);
  salt.writeUInt32LE(Math.floor(random() * 2 ** 32), 0);
  salt.writeUInt32LE(Math.floor(random() * 2 ** 32), 4);
  return salt;
}

/** Writes bodies for at least `spans` spans; returns their number and size. */
export async function writeBodies(
  file: string,
  format: BodyFormat,
  spans: number,
): Promise<{ bodies: number; bytes: number; spans: number }> {
  const maker = new BodyMaker(format);
  const out = openSync(file, 'w');
  const sum = { bodies: 0, bytes: 0, spans: 0 };
  try {
    while (sum.spans < spans) {
      const some = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => maker.make(sum.bodies + i)));
      for (const body of some) {
        const head = Buffer.alloc(8);
        head.writeUInt32LE(body.bytes.length, 0);
        head.writeUInt32LE(body.spans, 4);
        writeSync(out, head);
        writeSync(out, body.bytes);
        sum.bodies++;
        sum.bytes += body.bytes.length;
        sum.spans += body.spans;
      }
    }
  } finally {
    closeSync(out);
  }
  return sum;
}

/** The bodies of a file, all in memory. */
export function readBodies(file: string): Body[] {
  const all = readFileSync(file);
  const bodies: Body[] = [];
  for (let at = 0; at < all.length;) {
    const size = all.readUInt32LE(at);
    bodies.push({ spans: all.readUInt32LE(at + 4), bytes: all.subarray(at + 8, at + 8 + size) });
    at += 8 + size;
  }
  return bodies;
}
