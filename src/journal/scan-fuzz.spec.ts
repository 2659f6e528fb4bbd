import { expect, it } from '@jest/globals';
import { fuzzInput } from '../../test/support/otlp-fuzz.js';
import { decoded, scanned } from '../../test/support/scan-reference.js';
import { scan } from './scan.js';
import { SPAN_TOO_DEEP, type SpanTable } from './span-table.js';
import { WireError } from './wire.js';

// The long form: npm run fuzz:scan -- --inputs 10000000 --seed 1 --from 0
const INPUTS = Number(process.env['LONG_INPUTS'] ?? 2_000);
const SEED = Number(process.env['LONG_SEED'] ?? 1);
const FROM = Number(process.env['LONG_FROM'] ?? 0);
const REPORT_EVERY = 100_000;
const LIMITS = { maxAttributeDepth: 4, maxSpans: 1_000 };
/** What the reader refuses although protobufjs steps over it: nothing that OTLP has, or (the varint) no protobuf. */
const STRICTER =
  /^(wire type \d is not allowed|field number 0|field \d+ of \w+ has wire type|tag or length of more|varint of more than ten)/;

type Verdict = 'same' | 'both refuse' | 'stricter' | 'not UTF-8' | 'deeper than looked' | 'deep in what was replaced';

/** What became of one input. Throws when reader and protobufjs disagree in a way that is not meant. */
function judge({ bytes, isValid }: { bytes: Buffer; isValid: boolean }): Verdict {
  const table = attempt(() => scan(bytes, LIMITS));
  const reference = attempt(() => decoded(bytes, LIMITS.maxAttributeDepth));
  if (table instanceof Error) {
    if (!(table instanceof WireError)) throw table;
    if (isValid) throw new Error(`a valid request was refused: ${table.message}`);
    if (reference instanceof Error) return 'both refuse';
    if (STRICTER.test(table.message)) return 'stricter';
    throw new Error(`refused, while protobufjs accepts it: ${table.message}`);
  }
  if (reference instanceof Error) {
    // Names are kept as bytes: text that is not UTF-8 is no reason to lose a span. Nobody looks below the limit of depth.
    if (/utf-?8/i.test(reference.message)) return 'not UTF-8';
    if (isTooDeep(table)) return 'deeper than looked';
    throw new Error(`accepted, while protobufjs refuses it: ${reference.message}`);
  }
  const seen = scanned(table);
  if (isSame(seen, reference)) return 'same';
  // A value that another one of the same attribute replaces is looked into all the same.
  const asDeep = reference.slice(0, seen.length).map((span, i) => ({
    ...span,
    isDeep: span.isDeep || seen[i]!.isDeep,
    isResourceDeep: span.isResourceDeep || seen[i]!.isResourceDeep,
  }));
  if (isSame(seen, asDeep) && seen.length === reference.length) return 'deep in what was replaced';
  expect(seen).toEqual(reference);
  throw new Error('not the same');
}

/** Compares flat records; both have their fields in the same order. */
function isSame(seen: readonly object[], reference: readonly object[]): boolean {
  return JSON.stringify(seen) === JSON.stringify(reference);
}

function isTooDeep({ n, flags, resources, scopes }: SpanTable): boolean {
  return (
    [...resources, ...scopes].some(({ tooDeep }) => tooDeep) ||
    flags.subarray(0, n).some((each) => (each & SPAN_TOO_DEEP) !== 0)
  );
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    // What Node itself throws is no Error of this test's realm.
    return error instanceof Error ? error : new Error((error as Error).message);
  }
}

it(`reads ${INPUTS} made and damaged requests as protobufjs does`, () => {
  const verdicts = new Map<Verdict, number>();
  for (let n = FROM; n < FROM + INPUTS; n++) {
    const input = fuzzInput(SEED, n);
    try {
      const verdict = judge(input);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    } catch (error) {
      const again = `npm run fuzz:scan -- --seed ${SEED} --from ${n} --inputs 1`;
      throw new Error(`input ${n}: ${String(error)}\n${again}\n${input.bytes.toString('hex')}`, { cause: error });
    }
    if ((n + 1 - FROM) % REPORT_EVERY === 0) {
      process.stdout.write(`seed ${SEED}, inputs ${FROM} to ${n}: ${JSON.stringify(Object.fromEntries(verdicts))}\n`);
    }
  }
  process.stdout.write(
    `seed ${SEED}, ${INPUTS} inputs from ${FROM}: ${JSON.stringify(Object.fromEntries(verdicts))}\n`,
  );
  if (INPUTS < 2_000) return;
  // A generator that makes nothing but one kind of input would prove little.
  for (const verdict of ['same', 'both refuse', 'stricter', 'not UTF-8'] as const) {
    expect(verdicts.get(verdict) ?? 0).toBeGreaterThan(INPUTS / 500);
  }
});
