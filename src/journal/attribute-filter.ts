/** Bits and probes a term: one attribute that a segment does not have is taken for one of it in about 1,000. */
const BITS_A_TERM = 16;
const PROBES = 6;
const MIN_BYTES = 16;
/** Larger ones would be held out of line for longer than they save; beyond it a filter answers yes more often. */
const MAX_BYTES = 64 * 1024;
const STEP = 0x9e3779b1;

/** A Bloom filter (Bloom 1970; two hashes for all probes: Kirsch and Mitzenmacher 2006) of these terms, as `filterCondition` asks it. */
export function attributeFilter(terms: readonly Int32Array[]): Buffer {
  const n = terms.reduce((sum, { length }) => sum + length, 0);
  const bytes = Math.min(MAX_BYTES, Math.max(MIN_BYTES, (n * BITS_A_TERM) >>> 3));
  const bits = bytes * 8;
  const filter = Buffer.alloc(bytes);
  for (const some of terms) {
    for (let i = 0; i < some.length; i++) {
      let place = some[i]! >>> 0;
      const step = stepOf(some[i]!);
      for (let probe = 0; probe < PROBES; probe++) {
        const bit = place % bits;
        filter[bit >>> 3]! |= 1 << (bit & 7);
        place = (place + step) >>> 0;
      }
    }
  }
  return filter;
}

/**
 * SQL that is false where the filter in `column` says that none of the terms is in it. (`get_bit` counts the bits of a byte from its lowest.)
 * Numbers only, so nothing needs a parameter.
 */
export function filterCondition(column: string, terms: readonly number[]): string {
  const ofTerm = (term: number) => {
    const step = stepOf(term);
    let place = term >>> 0;
    const probes: string[] = [];
    for (let probe = 0; probe < PROBES; probe++) {
      probes.push(`get_bit(${column}, ${place}::int8 % (8 * length(${column}))) = 1`);
      place = (place + step) >>> 0;
    }
    return `(${probes.join(' and ')})`;
  };
  return `(${terms.map(ofTerm).join(' or ')})`;
}

/** Odd, and not the same for terms that begin at one place. */
function stepOf(term: number): number {
  return (Math.imul(term ^ (term >>> 16), STEP) | 1) >>> 0;
}
