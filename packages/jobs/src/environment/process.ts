// A service process and its machine: the data folder and its lock, the available memory, the launcher, and signals that ask the process to
// end. When the launcher ends, even by a crash, its IPC channel closes and the service stops. A service without a launcher has no channel.
// Only one process at a time may use a data folder. The lock is taken through SQLite, because Node itself cannot lock files. The operating
// system releases the lock when the process ends, even after a crash.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, totalmem } from 'node:os';
import { join, posix, win32 } from 'node:path';
import { HomeLockedError } from '../errors.ts';

/** The message that a service sends once, when it is ready. */
export interface ReadyMessage {
  readonly type: 'ready';
  /** The URL of its HTTP server; null if it has none. */
  readonly url: string | null;
}

/** Sends a message to the launcher, if there is one, that this service is ready. */
export function reportReady(url: string | null = null): void {
  // If the launcher has just ended, the message is lost, and the callback of `onLauncherGone` is called.
  process.send?.({ type: 'ready', url } satisfies ReadyMessage, undefined, {}, () => {});
}

/**
 * Calls `stop` once when the launcher of this process has ended; never if it has none.
 * @param stop ends this process in an orderly way, as on SIGTERM
 */
export function onLauncherGone(stop: () => void): void {
  if (process.send === undefined) return;
  if (process.connected) process.once('disconnect', stop);
  else queueMicrotask(stop);
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type InterruptionSignal = (typeof signals)[number];

/** The signals that close-with-grace must not handle. */
export const interruptionSignals: InterruptionSignal[] = [...signals];

/**
 * A signal within this time after another one is ignored, in ms. A person cannot be that fast, but npm repeats a Ctrl-C from the terminal.
 */
export const echoMs = 500;

/** Calls `callback` for every signal that asks this process to end. A signal less than half a second after the last call is ignored. */
export function onInterruption(callback: (signal: InterruptionSignal) => void): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const signal of signals) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - last < echoMs) return;
      last = now;
      callback(signal);
    });
  }
}

/**
 * Returns the folder of this program in the user's data directory: XDG_DATA_HOME or ~/.local/share; on macOS ~/Library/Application
 * Support; on Windows %LOCALAPPDATA%. https://specifications.freedesktop.org/basedir-spec
 */
export function defaultHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
  userHome: string = homedir(),
): string {
  switch (platform) {
    case 'win32':
      return win32.join(env['LOCALAPPDATA'] ?? win32.join(userHome, 'AppData', 'Local'), 'trainyard');
    case 'darwin':
      return posix.join(userHome, 'Library', 'Application Support', 'trainyard');
    default: {
      // The specification says that relative paths must be ignored.
      const xdg = env['XDG_DATA_HOME'];
      return join(xdg !== undefined && posix.isAbsolute(xdg) ? xdg : posix.join(userHome, '.local', 'share'), 'trainyard');
    }
  }
}

/** The databases of held locks. Without a reference, the garbage collector would close them and release the lock. */
const held = new Set<object>();

export interface HomeLock {
  /** Releases the lock. Safe to call twice. */
  release(): void;
}

/**
 * Locks a data folder for this process. Creates the folder if it does not exist.
 * @throws HomeLockedError if another process has it. The error names that process if it is known
 */
export async function lockHome(home: string): Promise<HomeLock> {
  // Imported only here, because Node 22 prints a warning that SQLite is experimental.
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

/** Returns the memory of this machine or, if it has less, of this process's container, in bytes. */
export function machineMemoryBytes(): number {
  // If this process has no limit, `constrainedMemory` returns 0 or a very large number.
  const constrained = process.constrainedMemory();
  return Math.min(totalmem(), constrained > 0 ? constrained : Infinity);
}

/** Whether a process exists, even if this process may not send signals to it. */
export function isProcessAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
