// Arenas: the temporary tensors of a training step share a block of memory, which is freed when the step ends. This makes allocation fast.
// The memory of tensors made outside of an arena is freed by JavaScript's garbage collector. Nobody has to free memory by hand.
import { backend } from './backend/current.ts';
import type { Storage, Stored } from './storage.ts';
import { runSynchronously } from './synchronous.ts';

/** What one arena's tensors share. */
export interface Arena {
  /** False after its end: to use one of its tensors is then an error, and does not read old data. */
  alive: boolean;
  /** The number of tensors that were made in it. */
  tensorsMade: number;
  /** Is told of each operation, while a replay is made (replay.ts). */
  notes: OperationNotes | null;
}

/** An operation's result, for code that does the operation again. */
export interface Repeatable extends Stored {
  readonly gradFn: { renew(): void } | null;
  replaceStorage(storage: Storage): void;
}

export interface OperationNotes {
  /** Is called after an operation. @param isView whether the result has the storage of another tensor. */
  note(result: Repeatable, forward: () => Storage, isView: boolean): void;
  /** Is called when something was done that no operation does again. */
  giveUp(): void;
}

let current: Arena | null = null;

/** Returns the innermost open arena, or null. */
export function currentArena(): Arena | null {
  return current;
}

/**
 * Runs one step in a new arena. Parameters, gradients and optimizer state remain valid after it. Every other tensor that the step makes
 * throws an ArenaError if it is used later. To keep a value, return `loss.item()` or `output.keep()`.
 * @throws ArgumentError for an async function, because its tensors would be used after the arena has ended
 */
export function inArena<T>(step: () => T): T {
  return enterArena(newArena(), step);
}

export const newArena = (): Arena => ({ alive: false, tensorsMade: 0, notes: null });

/**
 * Does the same in this arena, which is new or has ended. If it has ended, its tensors can be used again during the step, after the step has
 * given them their new storage (replay.ts).
 */
export function enterArena<T>(arena: Arena, step: () => T): T {
  const memory = backend();
  const outer = current;
  // A replay of the outer arena would find the tensors of this one ended.
  outer?.notes?.giveUp();
  const mark = memory.enterArena();
  current = arena;
  arena.alive = true;
  try {
    return runSynchronously('inArena', step);
  } finally {
    arena.alive = false;
    current = outer;
    memory.leaveArena(mark);
  }
}
