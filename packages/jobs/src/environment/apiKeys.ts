// The currently valid API keys. A key file is read again when it changes, so that a removed key becomes invalid and a new key valid within a
// second.
import { readFile } from 'node:fs/promises';
import { unwatchFile, watchFile } from 'node:fs';
import { type ApiKey, parseApiKeys } from './apiKey.ts';

/** Interval at which the file is checked, in ms. It is polled, because the system often does not notify about changes of a mounted file. */
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

  /** Whether a key with the same name, role and token is still valid. */
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
  /** Called after a change with the number of keys, or with the reason why the old keys stay valid. */
  readonly onRead: (outcome: { readonly keys: number } | { readonly problem: string }) => void;
}

/**
 * Replaces the keys whenever the file changes. If the file cannot be read, is empty or has an invalid entry, the old keys stay valid.
 * @returns a function that stops watching
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
