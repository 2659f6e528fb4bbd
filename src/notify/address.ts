import ipaddr from 'ipaddr.js';

/** Where a tenant's request must not reach: the operator's own machines and networks, and addresses that no receiver on the internet has. */
const DENIED: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local, cloud metadata'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/96', 'unspecified, loopback, IPv4-compatible'],
  ['::ffff:0:0:0/96', 'IPv4-translated'],
  ['64:ff9b::/96', 'NAT64'],
  ['64:ff9b:1::/48', 'NAT64'],
  ['100::/64', 'discard'],
  ['2001::/23', 'reserved, Teredo'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'private'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/**
 * CIDRs that may be reached though they are private: what the operator set, be it nothing; else loopback as long as only this machine
 * can reach the service and it knows no keys, since whoever can ask it then can also reach loopback without it.
 */
export function allowedRanges(
  outbound: { allow: readonly string[]; allowIsSet: boolean },
  isOpenToThisMachineOnly: boolean,
): readonly string[] {
  return outbound.allowIsSet ? outbound.allow : isOpenToThisMachineOnly ? LOOPBACK : [];
}

type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number];
const DENIED_RANGES = DENIED.map(([cidr, name]) => ({ range: ipaddr.parseCIDR(cidr), name }));

/**
 * Answers for an IP address why it must not be reached, or null when it may; an IPv4 address inside IPv6 counts as what it is. What is in
 * one of the `allow` CIDRs may. Text that is no address is refused.
 */
export function addressGuard(allow: readonly string[]): (address: string) => string | null {
  const allowed = allow.map((cidr): Cidr => ipaddr.parseCIDR(cidr));
  return (text) => {
    if (!ipaddr.isValid(text)) return 'not an IP address';
    const address = ipaddr.process(text);
    if (allowed.some((range) => contains(range, address))) return null;
    return DENIED_RANGES.find(({ range }) => contains(range, address))?.name ?? null;
  };
}

function contains(range: Cidr, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return range[0].kind() === address.kind() && address.match(range);
}
