// Arenas: the temporary tensors of a training step share a block of memory, which is freed when the step ends. This makes allocation fast.
// The memory of tensors made outside of an arena is freed by JavaScript's garbage collector. Nobody has to free memory by hand.
import { backend } from './backend/current.ts';
import type { Storage, Stored } from './storage.ts';
import { runSynchronously } from './synchronous.ts';

/** The state that an arena's tensors share. */
export interface Arena {
  /** False after the arena has ended. Using one of its tensors then throws an error, so that no old data is read. */
  alive: boolean;
  /** The number of tensors that were made in the arena. */
  tensorsMade: number;
  /** Gets each operation while a replay is recorded (replay.ts). Otherwise null. */
  notes: OperationNotes | null;
}

/** The result of an operation, for code that repeats the operation. */
export interface Repeatable extends Stored {
  readonly gradFn: { renew(): void } | null;
  replaceStorage(storage: Storage): void;
}

export interface OperationNotes {
  /** Called after an operation. @param isView whether the result uses the storage of another tensor */
  note(result: Repeatable, forward: () => Storage, isView: boolean): void;
  /** Called after a change that no recorded operation repeats. */
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
 * Runs a step in an arena that is new or has ended. In an arena that has ended, the step must first give the tensors new storage. They can
 * then be used again until the step ends (replay.ts).
 */
export function enterArena<T>(arena: Arena, step: () => T): T {
  const memory = backend();
  const outer = current;
  // A replay of the outer arena cannot use the tensors of this arena, because they will have ended.
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
