import { describe, expect, it } from '@jest/globals';
import { isSymptom } from './keys.js';

describe('isSymptom', () => {
  it.each([
    ['event', 'name', 'exception', true],
    ['event', 'name', 'cache miss', false],
    ['event', 'exception.type', 'Timeout', true],
    ['span', 'name', 'exception', false],
    ['span', 'http.response.status_code', '500', true],
    ['resource', 'service.version', '2.4.1', false],
  ] as const)('%s %s %s: %s', (scope, key, value, expected) => {
    expect(isSymptom(scope, key, value)).toBe(expected);
  });
});
