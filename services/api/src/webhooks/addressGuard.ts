// Allows webhooks only to public addresses. The connection is made to the address that was checked. So a host name that later resolves to
// another address (DNS rebinding) cannot avoid the check. The lists are IANA's registries of special-purpose addresses.
import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';

const specialV4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** The IPv6 addresses of the public internet (global unicast). All other IPv6 addresses are special, also IPv4 addresses mapped to IPv6. */
const globalV6 = blockList('ipv6', [['2000::', 3]]);

/** The special addresses within global unicast: Teredo and other protocols, documentation, and 6to4, which contains an IPv4 address. */
const specialV6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

/** Returns whether an IP address is public: the whole internet can reach it. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !specialV4.check(address, 'ipv4');
  return family === 6 && globalV6.check(address, 'ipv6') && !specialV6.check(address, 'ipv6');
}

/** Returns the IP address in a URL; `null` if the URL has a host name instead. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? null : host;
}

/** Thrown when no address of the receiver is public. The message does not contain the addresses, because they may be secret. */
export class PrivateAddressError extends Error {
  readonly code = 'privateAddress';

  constructor() {
    super('its address is not a public one');
    this.name = 'PrivateAddressError';
  }
}

/** Finds the addresses of a host. It may give up when the signal is aborted. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly LookupAddress[]>;

/**
 * Returns a `lookup` for `http.request` with `autoSelectFamily`, which requests all addresses of a host.
 * @param allowPrivate whether all addresses are used; otherwise only the public ones
 */
export function guardedLookup(resolve: (host: string) => Promise<readonly LookupAddress[]>, allowPrivate: boolean): LookupFunction {
  return callbackify(async (host: string, _options: LookupOptions): Promise<LookupAddress[]> => {
    const addresses = (await resolve(host)).filter(({ address }) => allowPrivate || isPublicAddress(address));
    if (addresses.length === 0) throw new PrivateAddressError();
    return addresses;
  });
}
