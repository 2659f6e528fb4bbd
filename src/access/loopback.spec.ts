import { describe, expect, it } from '@jest/globals';
import { isLoopbackHostHeader, isLoopbackOrigin } from './loopback.js';

describe('isLoopbackHostHeader', () => {
  it.each([
    { header: 'localhost', expected: true },
    { header: 'LOCALHOST:16686', expected: true },
    { header: 'localhost.:16686', expected: true },
    { header: 'app.localhost', expected: true },
    { header: '127.0.0.1:16686', expected: true },
    { header: '127.3.2.1', expected: true },
    { header: '[::1]:16686', expected: true },
    { header: '[::ffff:127.0.0.1]:1', expected: true },
    { header: 'evil.example', expected: false },
    { header: 'localhost.evil.example', expected: false },
    { header: 'notlocalhost', expected: false },
    { header: '127.0.0.1.evil.example', expected: false },
    { header: '192.168.0.1:16686', expected: false },
    { header: '0.0.0.0', expected: false },
    { header: '[::]', expected: false },
    { header: 'localhost:16686:1', expected: false },
    { header: 'evil.example@localhost:x', expected: false },
    { header: '', expected: false },
    { header: undefined, expected: false },
  ])('$header: $expected', ({ header, expected }) => {
    expect(isLoopbackHostHeader(header)).toBe(expected);
  });
});

describe('isLoopbackOrigin', () => {
  it.each([
    { origin: 'http://localhost:5173', expected: true },
    { origin: 'http://[::1]', expected: true },
    { origin: 'https://evil.example', expected: false },
    { origin: 'null', expected: false },
    { origin: 'file://', expected: false },
  ])('$origin: $expected', ({ origin, expected }) => {
    expect(isLoopbackOrigin(origin)).toBe(expected);
  });
});
