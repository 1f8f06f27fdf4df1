// Headers that reverse proxies add to a request. They are used only if the operator trusts the proxy (TRAINYARD_TRUST_PROXY), because any
// client can send them too.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import type { FastifyRequest } from 'fastify';

/** Whether the proxy with this address is trusted. `hop` is 0 for the proxy that is connected to this process. */
export type TrustProxy = (address: string, hop: number) => boolean;

/**
 * Returns a function that decides whether a proxy is trusted.
 * @param trusted addresses, ranges (10.0.0.0/8), or the number of proxies in front of this process
 */
export function trustProxies(trusted: readonly string[] | number): TrustProxy {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  return proxyAddr.compile([...trusted]);
}

const names: ReadonlySet<string> = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip']);

/** Returns the name of a header that only proxies add; `undefined` if the request has none. */
export function forwardingHeader(headers: IncomingHttpHeaders): string | undefined {
  return Object.keys(headers).find((name) => names.has(name) || name.startsWith('x-forwarded-'));
}

/** Matches a base path, such as `/trainyard`. */
const prefix = /^(?:\/[\w.~-]+)+$/;

/** Returns the path under which the client sees this service, without a slash at its end: '' or '/trainyard'. */
export function basePathOf(request: IncomingMessage, trust: TrustProxy, configured: string): string {
  const given = request.headers['x-forwarded-prefix'];
  if (typeof given !== 'string') return configured;
  // After the client has left, the request may have no socket, or the socket no address.
  const { remoteAddress } = (request.socket as Socket | null) ?? {};
  if (remoteAddress === undefined || !trust(remoteAddress, 0)) return configured;
  const path = given.replace(/\/+$/, '');
  return path === '' || prefix.test(path) ? path : configured;
}

/** Returns the origin that the client uses for this service: `http://HOST[:PORT]`. An invalid forwarded host or protocol is ignored. */
export function originOf(request: FastifyRequest): string {
  const host = [request.host, request.headers.host].find((candidate) => hostOfAuthority(candidate) !== undefined);
  return `${request.protocol === 'https' ? 'https' : 'http'}://${host ?? 'localhost'}`;
}

/** Returns the host name of an authority (`host[:port]`) in lower case; `undefined` if the authority is invalid. */
export function hostOfAuthority(authority: string | undefined): string | undefined {
  if (authority === undefined || !/^(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(authority)) return undefined;
  return URL.canParse(`http://${authority}`) ? authority.replace(/:\d{1,5}$/, '').toLowerCase() : undefined;
}

/**
 * Returns the path and query of a request, without the base path. The scheme and host of a target in absolute form (RFC 9112 §3.2.2) are
 * removed, and this host replaces the Host header.
 */
export function targetOf(request: IncomingMessage, basePath: string): string {
  const { url = '/' } = request;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url);
  if (absolute !== null) request.headers.host = absolute[1];
  const target = absolute === null ? url : (absolute[2] ?? '').replace(/^(?!\/)/, '/');
  if (basePath === '' || !target.startsWith(basePath)) return target;
  const rest = target.slice(basePath.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : target;
}
