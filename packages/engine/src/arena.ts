// Arenas: the temporaries of one training step share a piece of memory that is given back at once when
// the step ends. Outside an arena a tensor's memory belongs to JavaScript's garbage collector, which is
// always safe; inside one, tensors cost next to nothing. Nobody frees by hand in either case.
import { backend } from './backend/current.ts';
import { runSynchronously } from './synchronous.ts';

/** Marks the tensors of one arena, so that using one after the end is an error and not old data. */
export interface Arena {
  alive: boolean;
}

let current: Arena | null = null;

/** The innermost arena that is open, or null. */
export function currentArena(): Arena | null {
  return current;
}

/**
 * Runs one step with its temporaries in an arena. Parameters, gradients and optimizer state outlive it;
 * every other tensor made inside throws an ArenaError when it is used afterwards. To carry a value out,
 * return `loss.item()` or `output.keep()`.
 * @throws ArgumentError for an async function, whose tensors would outlive the arena.
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
