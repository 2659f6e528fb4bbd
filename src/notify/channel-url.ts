type UrlCheck = { ok: true; full: string; shown: string } | { ok: false; problem: string };

const MAX_LENGTH = 2_000;

/**
 * Checks a receiver's URL as far as it can be without a network: scheme, credentials, an address that is not allowed. `shown` keeps scheme
 * and host only: the path of such a URL is often its secret. Names are checked again, with every address behind them, at each connect.
 */
export function checkChannelUrl(text: string, refusal: (address: string) => string | null): UrlCheck {
  const problem = (what: string): UrlCheck => ({ ok: false, problem: what });
  if (text.length > MAX_LENGTH) return problem(`must have at most ${MAX_LENGTH} characters`);
  if (!URL.canParse(text)) return problem('must be a URL such as https://hooks.example.com/tracehound');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return problem('must begin with https:// or http://');
  if (url.username !== '' || url.password !== '') return problem('must not contain a user name or password');
  url.hash = '';
  const refused = checkHost(url.hostname, refusal);
  if (refused !== null) return problem(refused);
  const bare = url.pathname === '/' && url.search === '';
  return { ok: true, full: url.href, shown: bare ? url.href : `${url.origin}/…` };
}

/** Why a host cannot be a receiver's, as far as that can be known without asking a name server; else null. */
export function checkHost(host: string, refusal: (address: string) => string | null): string | null {
  const address = host.includes(':') && !host.startsWith('[') ? host : literalAddress(host);
  const refused = address === null ? null : refusal(address);
  if (refused === null) return null;
  return `must not point to ${address} (${refused}); to allow it, the operator adds its network to OUTBOUND_ALLOW`;
}

/** The address that a host names without asking a name server, or null. */
function literalAddress(hostname: string): string | null {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  if (/^\d+(\.\d+){3}$/.test(hostname)) return hostname;
  return /^(.+\.)?localhost\.?$/i.test(hostname) ? '127.0.0.1' : null;
}
