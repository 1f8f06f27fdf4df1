// The keys that count now. Those of a file change with it while the service runs: a key that is taken out of the file stops working
// within a second, and one that is put in works.
import { readFile } from 'node:fs/promises';
import { unwatchFile, watchFile } from 'node:fs';
import { type ApiKey, parseApiKeys } from './apiKey.ts';

/** How often the file is looked at, in ms. By polling, since a mounted file is often replaced without a notification. */
const lookEveryMs = 500;

export class ApiKeys {
  #current: readonly ApiKey[];
  readonly #listeners = new Set<() => void>();

  constructor(keys: readonly ApiKey[]) {
    this.#current = keys;
  }

  get current(): readonly ApiKey[] {
    return this.#current;
  }

  /** Whether this very key still counts: of this name and role, and for the same token. */
  has({ name, role, sha256 }: ApiKey): boolean {
    return this.#current.some((key) => key.name === name && key.role === role && key.sha256 === sha256);
  }

  replace(keys: readonly ApiKey[]): void {
    this.#current = keys;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

export interface WatchKeysOptions {
  /** After a change: how many keys there are, or why those that there were stay. */
  readonly onRead: (outcome: { readonly keys: number } | { readonly problem: string }) => void;
}

/**
 * Keeps the keys those of the file. A file that cannot be read, has an entry that is none, or has no entry at all, changes nothing.
 * @returns ends it
 */
export function watchKeyFile(path: string, keys: ApiKeys, { onRead }: WatchKeysOptions): () => void {
  let isClosed = false;
  const read = async (): Promise<void> => {
    try {
      const found = parseApiKeys(await readFile(path, 'utf8'));
      if (found.length === 0) throw new RangeError('it has no entry');
      if (isClosed) return;
      keys.replace(found);
      onRead({ keys: found.length });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : null;
      onRead({ problem: code === null && error instanceof Error ? error.message : `it cannot be read (${code})` });
    }
  };
  const listener = (): void => void read();
  watchFile(path, { interval: lookEveryMs }, listener);
  return () => {
    isClosed = true;
    unwatchFile(path, listener);
  };
}
