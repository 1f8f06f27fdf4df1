// Repeats a forward pass with new values. A replay records the operations of one forward pass and repeats them in order, so that later
// training steps do not create tensors, graphs and functions. It is only correct if shapes and layers stay the same; the caller checks this
// (training/learner.ts).
import type { Arena, OperationNotes, Repeatable } from './arena.ts';
import type { Releases } from './backwardPass.ts';
import type { Storage, Stored, Version } from './storage.ts';
import type { Tensor } from './tensor.ts';

export class Replay implements OperationNotes {
  readonly #results: Repeatable[] = [];
  readonly #forwards: (() => Storage)[] = [];
  /** The results that do not share the storage of another tensor. */
  readonly #owners: Stored[] = [];
  #isWhole = true;
  #releases: Releases | null = null;

  /**
   * Runs `compute` and records its operations.
   * @param arena the innermost open arena, which contains the results of the operations
   * @returns the result of `compute`, and the replay. The replay is null if `compute` did something that is not an operation, such as
   * making tensors from numbers or changing tensors in place.
   */
  static of<T>(arena: Arena, compute: () => T): { readonly result: T; readonly replay: Replay | null } {
    const replay = new Replay();
    const before = arena.tensorsMade;
    arena.notes = replay;
    try {
      const result = compute();
      const isWhole = replay.#isWhole && arena.tensorsMade - before === replay.#results.length;
      return { result, replay: isWhole ? replay : null };
    } finally {
      arena.notes = null;
    }
  }

  /** Repeats all operations. Every result then has new values, and the graph is ready for a backward pass. */
  run(): void {
    for (let i = 0; i < this.#results.length; i++) {
      const result = this.#results[i];
      result.replaceStorage(this.#forwards[i]());
      result.gradFn?.renew();
    }
  }

  /**
   * Returns, for each operation of the backward pass from `loss`, the tensors that can be freed before it, because no later operation reads
   * them. After this backward pass, do not read tensors of the replay before the next call of `run`.
   */
  releasesOf(loss: Tensor): Releases {
    this.#releases ??= this.#findReleases(loss);
    return this.#releases;
  }

  #findReleases(loss: Tensor): Releases {
    const operations = loss.gradFn?.pass.operations ?? [];
    const releases: Stored[][] = Array.from({ length: operations.length + 1 }, () => []);
    // Tensors with the same storage have the same version object.
    const lastReaders = new Map<Version, number>();
    operations.forEach(({ saved }, at) => {
      for (const { version } of saved) lastReaders.set(version, at);
    });
    for (const owner of this.#owners) releases[(lastReaders.get(owner.version) ?? -1) + 1].push(owner);
    return releases;
  }

  note(result: Repeatable, forward: () => Storage, isView: boolean): void {
    this.#results.push(result);
    this.#forwards.push(forward);
    if (!isView) this.#owners.push(result);
  }

  giveUp(): void {
    this.#isWhole = false;
  }
}
