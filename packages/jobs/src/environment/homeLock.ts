// One process at a time works in a data folder. The lock is the operating system's, taken through SQLite, the only thing
// in Node that takes one: it ends with its process, however that ends, so there is never a stale one to judge.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HomeLockedError } from '../errors.ts';

/** Keeps what this process holds from the garbage collector, which would close the database and free the folder. */
const held = new Set<object>();

export interface HomeLock {
  /** Gives the folder free. Safe to call twice. */
  release(): void;
}

/**
 * Locks a data folder for this process, making the folder if need be.
 * @throws HomeLockedError another process has it; says which, if that can be known
 */
export async function lockHome(home: string): Promise<HomeLock> {
  // Not at the top: Node 22 warns on stderr that SQLite is experimental, which only whoever locks should have to read.
  const { DatabaseSync } = await import('node:sqlite');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(home, 'lock'));
  const owner = join(home, 'lock.pid');
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy)) throw error;
    throw new HomeLockedError(
      `${home} is in use by ${ownerOf(owner)}: stop it first, or set TRAINYARD_HOME to another folder to run a second one`,
    );
  }
  writeFileSync(owner, String(process.pid));
  held.add(database);
  return {
    release: () => {
      if (!held.delete(database)) return;
      rmSync(owner, { force: true });
      database.close();
    },
  };
}

/** https://www.sqlite.org/rescode.html#busy */
const sqliteBusy = 5;

function ownerOf(path: string): string {
  try {
    return `process ${readFileSync(path, 'utf8')}`;
  } catch {
    return 'another process';
  }
}
