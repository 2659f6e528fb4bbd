import { describe, expect, it } from '@jest/globals';
import { addressGuard, allowedRanges } from './address.js';

describe('addressGuard', () => {
  const refused = [
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...[
      '192.0.0.1',
      '192.0.2.1',
      '192.88.99.1',
      '192.168.1.1',
      '198.18.0.1',
      '198.51.100.1',
      '203.0.113.1',
      '224.0.0.1',
    ],
    ...[
      '240.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::127.0.0.1',
      '::ffff:127.0.0.1',
      '::ffff:a00:1',
      '::ffff:0:a00:1',
    ],
    ...['64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '5f00::1'],
    ...['fc00::1', 'fd00:ec2::254', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1', 'example.com', ''],
  ];
  it.each(refused)('refuses %s', (address) => expect(addressGuard([])(address)).not.toBeNull());

  const open = [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '::ffff:1.1.1.1',
    '2606:4700::1111',
  ];
  it.each(open)('lets %s pass', (address) => expect(addressGuard([])(address)).toBeNull());

  it('lets pass what is allowed, and no more', () => {
    const guard = addressGuard(['10.1.0.0/16', '::1/128']);
    expect(guard('10.1.2.3')).toBeNull();
    expect(guard('::ffff:10.1.2.3')).toBeNull();
    expect(guard('::1')).toBeNull();
    expect(guard('10.2.0.1')).toBe('private');
    expect(guard('127.0.0.1')).toBe('loopback');
  });
});

describe('allowedRanges', () => {
  it.each([
    { name: 'set', allow: ['10.0.0.0/8'], allowIsSet: true, open: true, expected: ['10.0.0.0/8'] },
    { name: 'set to nothing', allow: [], allowIsSet: true, open: true, expected: [] },
    {
      name: 'not set, without keys on loopback',
      allow: [],
      allowIsSet: false,
      open: true,
      expected: ['127.0.0.0/8', '::1/128'],
    },
    { name: 'not set, with keys or beyond loopback', allow: [], allowIsSet: false, open: false, expected: [] },
  ])('$name', ({ allow, allowIsSet, open, expected }) => {
    expect(allowedRanges({ allow, allowIsSet }, open)).toEqual(expected);
  });
});
