// Forward passes that can be done again (replay.ts), by the shapes of their batches: an epoch has batches of one size and a rest.
import { type Arena, currentArena } from '../arena.ts';
import type { Batch } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { Replay } from '../replay.ts';
import { sameShape, type Shape } from '../shape.ts';

/** What one came to, and how it is done again: in its arena. */
export interface Pass<Result> {
  readonly arena: Arena;
  readonly replay: Replay;
  readonly result: Result;
  readonly inputShape: Shape;
  readonly targetShape: Shape;
  readonly isTraining: boolean;
}

export class Passes<Result> {
  readonly #bySize = new Map<number, Pass<Result>>();
  readonly #model: Module;

  /** @param model the one that passes are of: those in training are not those in evaluation. */
  constructor(model: Module) {
    this.#model = model;
  }

  /** The pass for batches of this shape; null when there is none yet, or none that can be done again. */
  for({ size, inputShape, targetShape }: Batch): Pass<Result> | null {
    const pass = this.#bySize.get(size);
    if (pass === undefined || pass.isTraining !== this.#model.training) return null;
    return sameShape(pass.inputShape, inputShape) && sameShape(pass.targetShape, targetShape) ? pass : null;
  }

  /** Does that pass again, in its arena. */
  repeat(batch: Batch): Pass<Result> {
    const pass = this.for(batch);
    if (pass === null) throw new TypeError('there is no pass to do again');
    pass.replay.run();
    return pass;
  }

  /** Computes one for a batch, in an arena; it is kept if it can be done again. */
  make({ size, inputShape, targetShape }: Batch, compute: () => Result): { readonly result: Result; readonly replay: Replay | null } {
    const made = Replay.of(compute);
    const arena = currentArena();
    if (made.replay === null || arena === null) return made;
    const isTraining = this.#model.training;
    this.#bySize.set(size, { arena, replay: made.replay, result: made.result, inputShape, targetShape, isTraining });
    return made;
  }
}
