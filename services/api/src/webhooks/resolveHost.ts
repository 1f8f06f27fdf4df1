// Resolves the host names of receivers. The user who requests a webhook may own the name server of its host, so a name server that never
// answers must delay only that webhook.
import { type LookupAddress, promises as dns } from 'node:dns';
import { FairSemaphore } from '../fairSemaphore.ts';
import type { Resolve } from './addressGuard.ts';

/**
 * Queries the DNS over its own sockets, and stops when the signal is aborted. It does not read the system's hosts file.
 * @param servers the addresses of name servers, such as `127.0.0.1:53`. Default: the name servers of the system
 * @throws Error if no address is found. Its code is the code of the DNS, such as ENOTFOUND
 */
export async function queryDns(host: string, signal: AbortSignal, servers?: readonly string[]): Promise<readonly LookupAddress[]> {
  const resolver = new dns.Resolver();
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    signal.throwIfAborted();
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = [
      ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (addresses.length === 0 && v4.status === 'rejected') throw v4.reason;
    return addresses;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/**
 * Resolves names with the operating system, which also knows the names of this machine and its network. Node runs these lookups on two
 * threads that the whole process shares, and cannot cancel them. So each key has one lookup at a time, and the next one waits until the
 * lookup has really ended.
 */
export class SystemLookups {
  readonly #places = new FairSemaphore({ places: 2, placesPerKey: 1 });

  /** Returns the lookup for the webhooks of one key. */
  of(key: string): Resolve {
    return async (host, signal) => {
      const release = await this.#places.acquire(key, signal);
      return await dns.lookup(host, { all: true }).finally(release);
    };
  }
}
