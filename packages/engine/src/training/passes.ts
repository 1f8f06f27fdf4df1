// Stores forward passes that can be repeated (replay.ts), by the sizes of their batches. An epoch has batches of one size and a smaller
// last one.
import type { Arena } from '../arena.ts';
import type { Batch } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { Replay } from '../replay.ts';
import { sameShape, type Shape } from '../shape.ts';

/** The result of a pass, the operations to repeat it, and the arena in which they run. */
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

  /** @param model the network. A pass in training mode is not repeated in evaluation mode */
  constructor(model: Module) {
    this.#model = model;
  }

  /** Returns the pass for batches of this shape, or null if there is no pass that can be repeated. */
  for({ size, inputShape, targetShape }: Batch): Pass<Result> | null {
    const pass = this.#bySize.get(size);
    if (pass === undefined || pass.isTraining !== this.#model.training) return null;
    return sameShape(pass.inputShape, inputShape) && sameShape(pass.targetShape, targetShape) ? pass : null;
  }

  /** Repeats the pass for this batch. Its arena must be open. */
  repeat(batch: Batch): Pass<Result> {
    const pass = this.for(batch);
    if (pass === null) throw new TypeError('there is no pass to repeat');
    pass.replay.run();
    return pass;
  }

  /** Computes a pass for a batch, in this arena. The pass is stored if it can be repeated. */
  make(
    arena: Arena,
    { size, inputShape, targetShape }: Batch,
    compute: () => Result,
  ): { readonly result: Result; readonly replay: Replay | null } {
    const made = Replay.of(arena, compute);
    if (made.replay === null) return made;
    const isTraining = this.#model.training;
    this.#bySize.set(size, { arena, replay: made.replay, result: made.result, inputShape, targetShape, isTraining });
    return made;
  }
}
