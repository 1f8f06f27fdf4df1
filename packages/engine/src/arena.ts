// Arenas: the temporary tensors of a training step share a block of memory, which is freed when the step ends. This makes allocation fast.
// The memory of tensors made outside of an arena is freed by JavaScript's garbage collector. Nobody has to free memory by hand.
import { backend } from './backend/current.ts';
import { runSynchronously } from './synchronous.ts';

/** Marks the tensors of one arena, so that using one after the end is an error and not old data. */
export interface Arena {
  alive: boolean;
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
  return reopenArena({ alive: false }, step);
}

/** The same in an arena that has ended: its tensors can be used again meanwhile, after the step has set them anew (replay.ts). */
export function reopenArena<T>(arena: Arena, step: () => T): T {
  const memory = backend();
  const outer = current;
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
