import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseArguments } from './arguments.js';

describe('parseArguments', () => {
  it('takes paths from the command line before those of the environment', () => {
    expect(parseArguments(['--data', 'a', '--data', 'b'], 'c')?.data).toEqual(['a', 'b']);
    expect(parseArguments([], ['c', 'd'].join(path.delimiter))?.data).toEqual(['c', 'd']);
  });

  it('says what is missing or wrong', () => {
    expect(() => parseArguments([], '')).toThrow('where are the data?');
    expect(() => parseArguments(['--fault', '0'], 'c')).toThrow('--fault');
    expect(() => parseArguments(['--fault', 'x'], 'c')).toThrow('--fault');
    expect(() => parseArguments(['--nonsense'], 'c')).toThrow('nonsense');
  });

  it('gives help instead of options', () => {
    expect(parseArguments(['--help'], '')).toBeNull();
  });
});
