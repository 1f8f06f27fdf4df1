// Arenas: the temporary tensors of a training step share a block of memory, which is freed when the step ends. This makes allocation fast.
// The memory of tensors made outside of an arena is freed by JavaScript's garbage collector. Nobody has to free memory by hand.
import { backend } from './backend/current.ts';
import type { Storage, Stored } from './storage.ts';
import { runSynchronously } from './synchronous.ts';

/** An arena. All tensors that were made in it refer to it. */
export interface Arena {
  /** Whether a step is running in the arena. If not, using a tensor of the arena throws an error, so that no old data is read. */
  alive: boolean;
  /** The number of tensors that were made in the arena. */
  tensorsMade: number;
  /** Receives each operation while a replay is recorded (replay.ts). Otherwise null. */
  notes: OperationNotes | null;
}

/** The fields of an operation's result that a replay uses (replay.ts). */
export interface Repeatable extends Stored {
  readonly gradFn: { renew(): void } | null;
  replaceStorage(storage: Storage): void;
}

export interface OperationNotes {
  /** Called after an operation. @param isView whether the result uses the storage of another tensor */
  note(result: Repeatable, forward: () => Storage, isView: boolean): void;
  /** Called after a change that is not an operation. A replay would not repeat it, so nothing can be replayed. */
  giveUp(): void;
}

let current: Arena | null = null;

/** Returns the innermost open arena; null if no arena is open. */
export function currentArena(): Arena | null {
  return current;
}

/**
 * Runs one step in a new arena. Parameters, gradients and optimizer state remain valid after the step. Using any other tensor of the step
 * later throws an ArenaError. To keep a value, return `loss.item()` or `output.keep()`.
 * @throws ArgumentError if `step` is async, because it would use its tensors after the arena has ended
 */
export function inArena<T>(step: () => T): T {
  return enterArena(newArena(), step);
}

export const newArena = (): Arena => ({ alive: false, tensorsMade: 0, notes: null });

/**
 * Runs a step in an arena that is new or has ended. Before the step uses tensors of an ended arena again, it must give them new storage
 * (replay.ts).
 */
export function enterArena<T>(arena: Arena, step: () => T): T {
  const memory = backend();
  const outer = current;
  // A replay of the outer arena cannot repeat this step, because the tensors of the step cannot be used after it.
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
