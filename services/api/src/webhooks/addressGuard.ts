// Which addresses a webhook may be sent to: public ones. A name is resolved here and the connection made to the address that was
// checked, so that a name which means another address a moment later (DNS rebinding) gains nothing. The lists are IANA's registries of
// special-purpose addresses.
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

/** Global unicast; everything else of IPv6 is special, IPv4 in IPv6 clothes among it. */
const globalV6 = blockList('ipv6', [['2000::', 3]]);

/** Within global unicast: Teredo and other protocols, documentation, 6to4 (which holds an IPv4 address). */
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

/** Whether an IP address is one that anybody on the internet could reach. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !specialV4.check(address, 'ipv4');
  return family === 6 && globalV6.check(address, 'ipv6') && !specialV6.check(address, 'ipv6');
}

/** The IP address that a URL names by itself, or null where it names a host. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? null : host;
}

/** The receiver may not be sent to. It says nothing of what the name resolved to. */
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
