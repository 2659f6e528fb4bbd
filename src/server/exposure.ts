import { ConfigError, type Config } from '../config.js';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/**
 * What a service without any API key may do: nothing beyond loopback unless that is asked for (throws ConfigError), and messages to
 * receivers on its own machine unless OUTBOUND_ALLOW says otherwise. `hasKey`: one is needed to use the service.
 */
export function limitExposure(config: Config, hasKey: boolean): Config {
  if (hasKey) return config;
  const { host, loopbackOnly } = config.listen;
  if (!loopbackOnly && !config.allowUnauthenticated) {
    throw new ConfigError([
      `LISTEN_HOST is ${JSON.stringify(host)}, which others can reach, and there is no API key; expected TRACEHOUND_ADMIN_KEY, ` +
        'or LISTEN_HOST=127.0.0.1, or ALLOW_UNAUTHENTICATED=true to let everybody in',
    ]);
  }
  if (!loopbackOnly || config.outbound.allowIsSet) return config;
  return { ...config, outbound: { ...config.outbound, allow: LOOPBACK } };
}
