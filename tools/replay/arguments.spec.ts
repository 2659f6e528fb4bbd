import { describe, expect, it } from '@jest/globals';
import { isLoopback, parseArguments } from './arguments.js';

describe('parseArguments', () => {
  it('has defaults for all but the path', () => {
    expect(parseArguments(['data'])).toEqual({
      target: 'data',
      speed: 60,
      time: 'shifted',
      fromMs: null,
      toMs: null,
      limitMinutes: null,
      faults: null,
      json: null,
      url: 'http://127.0.0.1:4318',
      api: 'http://127.0.0.1:16686',
      key: null,
      keepKey: false,
      tickMs: 1000,
      yes: false,
    });
  });

  it('reads options', () => {
    const line =
      'd --speed 5 --time original --from 2022-08-22T04:00:00Z --limit-minutes 10 --url http://h:1/ --key k --yes';
    expect(parseArguments(line.split(' '))).toMatchObject({
      speed: 5,
      time: 'original',
      fromMs: Date.UTC(2022, 7, 22, 4),
      limitMinutes: 10,
      url: 'http://h:1',
      key: 'k',
      yes: true,
    });
  });

  it('shows help', () => {
    expect(parseArguments(['--help'])).toBeNull();
  });

  const wrong = [
    { input: '', message: 'which file or folder' },
    { input: 'a b', message: 'one path at a time' },
    { input: 'a --speed fast', message: '--speed is a number' },
    { input: 'a --speed 0.5', message: '--speed is a number from 1' },
    { input: 'a --time now', message: '--time is either' },
    { input: 'a --from 2022-08-22', message: '--from is an ISO time with its zone' },
    { input: 'a --to 2022-08-22T25:00:00Z', message: '--to is an ISO time' },
    { input: 'a --url localhost:4318', message: '--url is an http' },
    { input: 'a --sped 3', message: "Unknown option '--sped'" },
  ];
  it.each(wrong)('refuses "$input"', ({ input, message }) => {
    expect(() => parseArguments(input.split(' ').filter(Boolean))).toThrow(message);
  });
});

describe('isLoopback', () => {
  const cases = [
    { input: 'http://127.0.0.1:4318', expected: true },
    { input: 'http://localhost:4318', expected: true },
    { input: 'http://[::1]:4318', expected: true },
    { input: 'http://127.0.0.1.example.com', expected: false },
    { input: 'https://tracehound.example.com', expected: false },
  ];
  it.each(cases)('$input', ({ input, expected }) => {
    expect(isLoopback(input)).toBe(expected);
  });
});
