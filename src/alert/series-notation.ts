const ITEM = /^(?:_(?:x(\d{1,6}))?|(-?\d+(?:\.\d+)?)(?:([+-]\d+(?:\.\d+)?))?(?:x(\d{1,6}))?)$/;
const MAX_VALUES = 100_000;

/**
 * Values in the notation of promtool: `a+bxn` is a, a+b, … n times further (n + 1 values), `a-bxn` likewise, `axn` is a and n times a
 * again, `_` is no value and `_xn` n of them, and a number is itself; items are separated by blanks. Throws an Error that names the item
 * that is none of these.
 */
export function parseSeries(text: string): (number | null)[] {
  const values: (number | null)[] = [];
  for (const item of text.trim().split(/\s+/)) {
    const match = ITEM.exec(item);
    if (match === null) throw new Error(`"${item}" is no value of a series; write 5, 5x10, 0+2x10, _ or _x10`);
    const [, missing, start, step, times] = match;
    if (start === undefined) {
      for (let i = 0; i < Number(missing ?? 1); i++) values.push(null);
    } else {
      for (let i = 0; i <= Number(times ?? 0); i++) values.push(Number(start) + i * Number(step ?? 0));
    }
    if (values.length > MAX_VALUES) throw new Error(`a series may have ${MAX_VALUES} values`);
  }
  return values;
}
