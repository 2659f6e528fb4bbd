import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_DATA_POLICIES } from '../model/rule.js';
import type { Memory } from '../model/alert-memory.js';
import { endState, INACTIVE, type StatePolicy, stepState, type Verdict } from './alert-state.js';

const STEP_MS = 10_000;
const MARKS: Record<string, Verdict> = { x: 'holds', '~': 'between', '.': 'clear', '?': 'no_data' };
const PLAIN: StatePolicy = { forMs: 0, keepFiringForMs: 0, nOfM: null, noData: 'keep' };

/** Evaluations ten seconds apart, as `x` holds, `~` between, `.` clear, `?` no data; changes as `<seconds> from>to reason`. */
function played(marks: string, policy: Partial<StatePolicy> = {}, restart = false): string[] {
  let memory = INACTIVE;
  const changes: string[] = [];
  Array.from(marks).forEach((mark, i) => {
    // What is stored is JSON: a restart reads it back.
    if (restart) memory = JSON.parse(JSON.stringify(memory)) as Memory;
    const step = stepState(memory, MARKS[mark]!, i * STEP_MS, { ...PLAIN, ...policy });
    ({ memory } = step);
    if (step.change) changes.push(`${i * 10} ${step.change.from}>${step.change.to} ${step.change.reason}`);
  });
  return changes;
}

describe('stepState', () => {
  // The first six are the cases of the Prometheus alert generator conformance tests, in our own words.
  const cases: { name: string; marks: string; policy?: Partial<StatePolicy>; expected: string[] }[] = [
    {
      name: 'pending, firing, resolved',
      marks: '..xxxxx..',
      policy: { forMs: 30_000 },
      expected: ['20 inactive>pending holds', '50 pending>firing held_for', '70 firing>resolved clear'],
    },
    {
      name: 'pending that ends in time',
      marks: '.xx..',
      policy: { forMs: 30_000 },
      expected: ['10 inactive>pending holds', '30 pending>inactive clear'],
    },
    { name: 'always inactive', marks: '.......', expected: [] },
    {
      name: 'zero for: never pending',
      marks: '.xx.',
      expected: ['10 inactive>firing holds', '30 firing>resolved clear'],
    },
    {
      name: 'for shorter than the interval: fires with the next evaluation',
      marks: '.xx',
      policy: { forMs: 1_000 },
      expected: ['10 inactive>pending holds', '20 pending>firing held_for'],
    },
    {
      name: 'for that ends with an evaluation: fires with it',
      marks: 'xx',
      policy: { forMs: 10_000 },
      expected: ['0 inactive>pending holds', '10 pending>firing held_for'],
    },
    {
      name: 'again after it was resolved',
      marks: 'x.x',
      expected: ['0 inactive>firing holds', '10 firing>resolved clear', '20 resolved>firing holds'],
    },
    {
      name: 'keepFiringFor',
      marks: 'x...',
      policy: { keepFiringForMs: 20_000 },
      expected: ['0 inactive>firing holds', '10 firing>recovering clear', '30 recovering>resolved clear_for'],
    },
    {
      name: 'back while recovering',
      marks: 'x.x...',
      policy: { keepFiringForMs: 20_000 },
      expected: [
        '0 inactive>firing holds',
        '10 firing>recovering clear',
        '20 recovering>firing returned',
        '30 firing>recovering clear',
        '50 recovering>resolved clear_for',
      ],
    },
    {
      name: 'between limit and recovery: neither fires nor ends',
      marks: '~x~~.~',
      expected: ['10 inactive>firing holds', '40 firing>resolved clear'],
    },
    {
      name: 'between limit and recovery starts recovery over',
      marks: 'x.~..',
      policy: { keepFiringForMs: 10_000 },
      expected: [
        '0 inactive>firing holds',
        '10 firing>recovering clear',
        '20 recovering>firing not_recovered',
        '30 firing>recovering clear',
        '40 recovering>resolved clear_for',
      ],
    },
    {
      name: 'two of three',
      marks: 'x.x...',
      policy: { nOfM: { n: 2, m: 3 } },
      expected: ['20 inactive>firing holds', '30 firing>resolved clear'],
    },
    {
      name: 'no data keeps what fires',
      marks: 'x???.',
      expected: ['0 inactive>firing holds', '40 firing>resolved clear'],
    },
    {
      name: 'no data for an hour',
      marks: `x${'?'.repeat(361)}`,
      expected: ['0 inactive>firing holds', '3600 firing>no_data no_data'],
    },
    {
      name: 'no data ends it, as in Prometheus',
      marks: 'x?x',
      policy: { noData: 'resolve' },
      expected: ['0 inactive>firing holds', '10 firing>resolved no_data', '20 resolved>firing holds'],
    },
    {
      name: 'no data is shown at once',
      marks: 'x?.',
      policy: { noData: 'no_data' },
      expected: ['0 inactive>firing holds', '10 firing>no_data no_data', '20 no_data>inactive clear'],
    },
    {
      name: 'no data is bad',
      marks: '.??',
      policy: { noData: 'fire', forMs: 10_000 },
      expected: ['10 inactive>pending holds', '20 pending>firing held_for'],
    },
    {
      name: 'no data keeps what is pending, and time goes on',
      marks: 'x?x',
      policy: { forMs: 20_000 },
      expected: ['0 inactive>pending holds', '20 pending>firing held_for'],
    },
  ];
  it.each(cases)('$name', ({ marks, policy, expected }) => {
    expect(played(marks, policy)).toEqual(expected);
    expect(played(marks, policy, true)).toEqual(expected);
  });

  it('starts over after an outage of more than an hour', () => {
    const policy = { ...PLAIN, forMs: 7_200_000 };
    const pending = stepState(INACTIVE, 'holds', 0, policy).memory;
    expect(stepState(pending, 'holds', 3_600_000, policy).memory).toMatchObject({ state: 'pending', activeAtMs: 0 });
    expect(stepState(pending, 'holds', 3_610_000, policy).memory).toMatchObject({
      state: 'pending',
      activeAtMs: 3_610_000,
    });
  });

  it('ends with its rule', () => {
    const firing = stepState(INACTIVE, 'holds', 0, PLAIN).memory;
    expect(endState(firing, 'rule_changed').change).toEqual({ from: 'firing', to: 'resolved', reason: 'rule_changed' });
    const pending = stepState(INACTIVE, 'holds', 0, { ...PLAIN, forMs: 1 }).memory;
    expect(endState(pending, 'rule_deleted').change).toEqual({
      from: 'pending',
      to: 'inactive',
      reason: 'rule_deleted',
    });
    expect(endState(INACTIVE, 'rule_deleted').change).toBeNull();
  });

  it('agrees with a model that looks at the whole past', () => {
    const marks = fc.string({ unit: fc.constantFrom('x', '.'), maxLength: 40 });
    const lengths = fc.nat(4).map((n) => n * STEP_MS);
    fc.assert(
      fc.property(
        marks,
        lengths,
        lengths,
        fc.constantFrom(...NO_DATA_POLICIES),
        (past, forMs, keepFiringForMs, noData) => {
          let memory = INACTIVE;
          Array.from(past).forEach((mark, i) => {
            ({ memory } = stepState(memory, MARKS[mark]!, i * STEP_MS, { forMs, keepFiringForMs, nOfM: null, noData }));
            const isFiring = memory.state === 'firing' || memory.state === 'recovering';
            expect(isFiring).toBe(firesInModel(past.slice(0, i + 1), forMs / STEP_MS, keepFiringForMs / STEP_MS));
            if (memory.state === 'firing') expect(mark).toBe('x');
            if (memory.state === 'pending') expect(mark).toBe('x');
          });
        },
      ),
    );
  });
});

/** It fires when a run of x longer than `forSteps` is not followed by as many dots as end it. */
function firesInModel(past: string, forSteps: number, keepSteps: number): boolean {
  let isFiring = false;
  let run = 0;
  let dots = 0;
  for (const mark of past) {
    if (mark === 'x') {
      run++;
      dots = 0;
      if (run > forSteps) isFiring = true;
    } else {
      dots++;
      run = 0;
      if (dots > keepSteps) isFiring = false;
    }
  }
  return isFiring;
}
