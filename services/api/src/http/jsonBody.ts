// The body parser for application/json. It refuses what JSON.parse would accept although it is ambiguous or harmful: bytes that are not
// UTF-8, duplicate keys, `__proto__`, deep nesting, and so many different keys that JSON.parse would be slow. A large body is scanned in
// pieces, so that other requests are handled in between.
import { setImmediate as breathe } from 'node:timers/promises';
import { ProblemError } from '../problems.ts';
import { type JsonLimits, JsonScan } from './jsonScan.ts';

/** How many characters are scanned in one turn of the event loop. This takes about a millisecond. */
const scannedPerTurn = 32 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Whether a Content-Type says that its JSON is UTF-8, which JSON has to be (RFC 8259 §8.1). */
export function isUtf8(contentType: string | undefined): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType ?? '') ?? [];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Limits of a JSON body. Default: those of a spec, with the code `invalidRequest`. */
    jsonLimits?: JsonLimits;
  }
}

/**
 * Parses a request body. Returns `undefined` for an empty body.
 * @throws ProblemError 400 `malformedJson` if the body is not valid JSON in UTF-8, or is ambiguous or nested too deeply
 * @throws ProblemError 422 if the body is over one of `limits`
 */
export async function parseJsonBody(body: Buffer, limits?: JsonLimits): Promise<unknown> {
  if (body.length === 0) return undefined;
  const text = decoded(body);
  const scan = new JsonScan(text, limits);
  while (!scan.advance(scannedPerTurn)) await breathe();
  const value = parsed(text);
  // Pauses so that the event loop can handle other requests before this large body is checked.
  if (text.length > scannedPerTurn) await breathe();
  return value;
}

function decoded(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new ProblemError('malformedJson', 'The body is not valid UTF-8.');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? `: ${error.message}` : '';
    throw new ProblemError('malformedJson', `The body is not valid JSON${reason}.`);
  }
}
