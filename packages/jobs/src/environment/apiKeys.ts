// API keys, sent as bearer tokens. The configuration contains only their SHA-256, as `name:role:sha256` or `name:role:sha256:weight`. A
// plain digest is secure enough, because a key has 256 random bits and cannot be guessed. A key file is read again when it changes, so that
// a removed key becomes invalid and a new key valid within a second.
import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { hashToken, keyName } from './newKey.js';

export { createApiKey } from './newKey.js';

export const apiKeyRoles = ['user', 'admin'] as const;

export type ApiKeyRole = (typeof apiKeyRoles)[number];

export interface ApiKey {
  readonly name: string;
  readonly role: ApiKeyRole;
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  /** How many jobs of the key start in one turn: 1 to 100; default 1. */
  readonly weight?: number;
}

const digest = /^[0-9a-f]{64}$/;

const keyWeight = /^(?:[1-9]\d?|100)$/;

/**
 * Parses `name:role:sha256` and `name:role:sha256:weight` entries, separated by commas or line breaks. Skips empty lines and lines that
 * begin with #.
 * @throws RangeError for an invalid entry or a repeated name. The message does not contain the digest of the entry
 */
export function parseApiKeys(text: string): ApiKey[] {
  const entries = text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const keys = entries.map((entry, index) => parseEntry(entry, index));
  const names = new Set<string>();
  for (const { name } of keys) {
    if (names.has(name)) throw new RangeError(`two keys are named "${name}": each key needs its own name, because jobs belong to a name`);
    names.add(name);
  }
  return keys;
}

/**
 * Returns the key of a token; null if there is none. All entries are compared, by their digests and in constant time, so that the duration
 * does not depend on the token.
 */
export function findApiKey(keys: readonly ApiKey[], token: string): ApiKey | null {
  const given = Buffer.from(hashToken(token), 'hex');
  let found: ApiKey | null = null;
  for (const key of keys) if (timingSafeEqual(given, Buffer.from(key.sha256, 'hex'))) found = key;
  return found;
}

function parseEntry(entry: string, index: number): ApiKey {
  const [name = '', role, sha256 = '', weight, ...rest] = entry.split(':');
  const knownRole = apiKeyRoles.find((known) => known === role);
  if (!keyName.test(name) || knownRole === undefined || !digest.test(sha256) || rest.length > 0) {
    throw new RangeError(
      `entry ${index + 1} is not name:role:sha256 (role ${apiKeyRoles.join(' or ')}, 64 lower-case hex digits): npm run key -- NAME creates one`,
    );
  }
  if (weight === undefined) return { name, role: knownRole, sha256 };
  if (!keyWeight.test(weight)) {
    throw new RangeError(
      `entry ${index + 1} has an invalid weight: it must be a whole number from 1 to 100, as in name:role:sha256:weight`,
    );
  }
  return { name, role: knownRole, sha256, weight: Number(weight) };
}

/** Interval at which the file is checked, in ms. It is polled, because the system often does not notify about changes of a mounted file. */
const readEveryMs = 500;

export class ApiKeys {
  #current: readonly ApiKey[];
  readonly #listeners = new Set<() => void>();

  constructor(keys: readonly ApiKey[]) {
    this.#current = keys;
  }

  get current(): readonly ApiKey[] {
    return this.#current;
  }

  /** Whether a key with the same name, role and token is still valid. */
  has({ name, role, sha256 }: ApiKey): boolean {
    return this.#current.some((key) => key.name === name && key.role === role && key.sha256 === sha256);
  }

  replace(keys: readonly ApiKey[]): void {
    this.#current = keys;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change of the keys. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

export interface WatchKeysOptions {
  /** Called after a change with the number of keys, or with the reason why the old keys stay valid. */
  readonly onRead: (outcome: { readonly keys: number } | { readonly problem: string }) => void;
}

/**
 * Reads the file twice a second, and replaces the keys when its content has changed. If the file cannot be read, is empty or has an invalid
 * entry, the old keys stay valid. Reads the content instead of watching for changes, because a watcher misses a change before its start.
 * @returns a function that stops reading
 */
export function watchKeyFile(path: string, keys: ApiKeys, { onRead }: WatchKeysOptions): () => void {
  const stop = new AbortController();
  /** The content that was read last, or the code of the error. */
  let last: string | undefined;
  let hasProblem = false;
  const refuse = (problem: string): void => {
    hasProblem = true;
    onRead({ problem });
  };
  const read = async (): Promise<void> => {
    const file = await readFile(path, 'utf8').then(
      (content) => ({ content }),
      (error: unknown) => ({ problem: `it cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` }),
    );
    const found = 'content' in file ? file.content : file.problem;
    if (found === last || stop.signal.aborted) return;
    last = found;
    if ('problem' in file) return refuse(file.problem);
    let entries: readonly ApiKey[];
    try {
      entries = parseApiKeys(file.content);
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
    if (entries.length === 0) return refuse('it has no entry');
    if (!hasProblem && isDeepStrictEqual(entries, keys.current)) return;
    hasProblem = false;
    keys.replace(entries);
    onRead({ keys: entries.length });
  };
  const readRepeatedly = async (): Promise<void> => {
    for await (const _tick of setInterval(readEveryMs, undefined, { signal: stop.signal })) await read();
  };
  readRepeatedly().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return () => stop.abort();
}
