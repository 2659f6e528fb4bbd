import { describe, expect, it } from '@jest/globals';
import { ConfigError, parseConfig } from '../config.js';
import { limitExposure } from './exposure.js';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

describe('limitExposure', () => {
  it.each([
    { name: 'loopback without a key: receivers here may be told', env: {}, hasKey: false, allow: LOOPBACK },
    { name: 'loopback with a key: no more than is set', env: {}, hasKey: true, allow: [] },
    { name: 'loopback, nothing allowed', env: { OUTBOUND_ALLOW: '' }, hasKey: false, allow: [] },
    { name: 'loopback, a list', env: { OUTBOUND_ALLOW: '10.0.0.0/8' }, hasKey: false, allow: ['10.0.0.0/8'] },
    { name: 'beyond loopback with a key', env: { LISTEN_HOST: '0.0.0.0' }, hasKey: true, allow: [] },
    {
      name: 'beyond loopback, open on purpose',
      env: { LISTEN_HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true' },
      hasKey: false,
      allow: [],
    },
    { name: 'beyond loopback without a key', env: { LISTEN_HOST: '0.0.0.0' }, hasKey: false, allow: ConfigError },
    { name: 'the same over IPv6', env: { LISTEN_HOST: '::' }, hasKey: false, allow: ConfigError },
  ])('$name', ({ env, hasKey, allow }) => {
    const given = parseConfig({ DATABASE_URL: 'postgres://h/d', ...env });
    if (allow === ConfigError) expect(() => limitExposure(given, hasKey)).toThrow(ConfigError);
    else expect(limitExposure(given, hasKey)).toEqual({ ...given, outbound: { ...given.outbound, allow } });
  });
});
