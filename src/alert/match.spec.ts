import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Severity } from '../model/incident.js';
import { matchGlob, matchRule, type Match } from './match.js';

describe('matchGlob', () => {
  const cases: { glob: string; text: string; expected: boolean }[] = [
    { glob: '*', text: '', expected: true },
    { glob: '*', text: 'cart', expected: true },
    { glob: '', text: '', expected: true },
    { glob: '', text: 'a', expected: false },
    { glob: 'cart', text: 'cart', expected: true },
    { glob: 'cart', text: 'Cart', expected: false },
    { glob: 'cart', text: 'cart-db', expected: false },
    { glob: 'cart*', text: 'cart-db', expected: true },
    { glob: '*-db', text: 'cart-db', expected: true },
    { glob: '*a*b', text: 'xaxbab', expected: true },
    { glob: '*a*b', text: 'xaxba', expected: false },
    { glob: 'c?rt', text: 'c🛒rt', expected: true },
    { glob: 'c?rt', text: 'crt', expected: false },
    { glob: 'a.c', text: 'abc', expected: false },
    { glob: '[a]', text: 'a', expected: false },
  ];
  it.each(cases)('$glob on $text: $expected', ({ glob, text, expected }) => {
    expect(matchGlob(glob, text)).toBe(expected);
  });

  it('agrees with the regular expression it stands for', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(letters, text, (glob, name) => {
        const pattern = new RegExp(`^${glob.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`, 'u');
        expect(matchGlob(glob, name)).toBe(pattern.test(name));
      }),
    );
  });

  it('stays quick on a glob that makes regular expressions explode', () => {
    expect(matchGlob(`${'*a'.repeat(100)}*b`, 'a'.repeat(5_000))).toBe(false);
  });
});

describe('matchRule', () => {
  const cases: {
    name: string;
    services: string[];
    minSeverity: Severity;
    severity: Severity;
    causes?: string[];
    affected?: string[];
    expected: Match;
  }[] = [
    {
      name: 'service of a cause',
      services: ['cart'],
      minSeverity: 'info',
      severity: 'info',
      causes: ['cart'],
      expected: 'matches',
    },
    {
      name: 'service affected',
      services: ['web*'],
      minSeverity: 'info',
      severity: 'info',
      causes: ['cart'],
      affected: ['web-1'],
      expected: 'matches',
    },
    {
      name: 'second glob',
      services: ['x', 'cart'],
      minSeverity: 'warning',
      severity: 'critical',
      causes: ['cart'],
      expected: 'matches',
    },
    {
      name: 'other service',
      services: ['x'],
      minSeverity: 'info',
      severity: 'critical',
      causes: ['cart'],
      expected: 'service_not_in_rule',
    },
    {
      name: 'too mild',
      services: ['*'],
      minSeverity: 'critical',
      severity: 'warning',
      causes: ['cart'],
      expected: 'severity_below_rule',
    },
    {
      name: 'just severe enough',
      services: ['*'],
      minSeverity: 'warning',
      severity: 'warning',
      causes: ['cart'],
      expected: 'matches',
    },
    {
      name: 'no service known, rule for all',
      services: ['*'],
      minSeverity: 'info',
      severity: 'info',
      expected: 'matches',
    },
    {
      name: 'no service known, rule for some',
      services: ['c*'],
      minSeverity: 'info',
      severity: 'info',
      expected: 'service_not_in_rule',
    },
  ];
  it.each(cases)('$name: $expected', ({ services, minSeverity, severity, causes = [], affected = [], expected }) => {
    const named = (service: string) => ({ service }) as never;
    const incident = { severity, causes: causes.map(named), affected: affected.map(named) };
    expect(matchRule({ services, minSeverity }, incident)).toBe(expected);
  });
});
