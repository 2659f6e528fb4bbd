import ipaddr from 'ipaddr.js';

/** True for `localhost`, names below it, and addresses that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (!ipaddr.isValid(name)) return false;
  return ipaddr.process(name).range() === 'loopback';
}

/** Whether a `Host` header (`name[:port]`) names this machine; a missing or malformed one does not. */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(header ?? '');
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && isLoopbackHost(host);
}

/** Whether an `Origin` header names a page of this machine. */
export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackHostHeader(new URL(origin).host);
}
