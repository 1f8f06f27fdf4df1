// The child's end of a checkpoint's way: when one is due, and the file that its bytes go to. Storing it is the worker's business.
import type { TrainingEvent } from '@trainyard/engine';
import { freeBytes } from './freeBytes.ts';
import type { ReportedEvent, TrainOrder } from './messages.ts';
import type { ScratchDisk } from './scratchDisk.ts';

/** Training takes at least so many times as long as writing its checkpoints. */
const LEAST_TRAINING = 20;

export class CheckpointFiles {
  readonly #order: Pick<TrainOrder, 'checkpointFile' | 'checkpointEveryMs'>;
  readonly #disk: ScratchDisk;
  #number = 0;
  #nextAt: number;

  constructor(order: Pick<TrainOrder, 'checkpointFile' | 'checkpointEveryMs'>, disk: ScratchDisk) {
    this.#order = order;
    this.#disk = disk;
    this.#nextAt = performance.now() + order.checkpointEveryMs;
  }

  due(): boolean {
    return performance.now() >= this.#nextAt;
  }

  /** Writes the bytes and frees them; a disk that takes nothing costs only the checkpoint. */
  async *write({ bytes, epoch, step }: Extract<TrainingEvent, { type: 'checkpoint' }>): AsyncGenerator<ReportedEvent, void, void> {
    const started = performance.now();
    this.#number += 1;
    const file = `${this.#order.checkpointFile}.${this.#number}`;
    const { length } = bytes;
    const isWritten = yield* this.#disk.write(file, bytes);
    freeBytes(bytes);
    if (isWritten) yield { type: 'checkpoint', epoch, step, file, bytes: length };
    const now = performance.now();
    this.#nextAt = now + Math.max(this.#order.checkpointEveryMs, LEAST_TRAINING * (now - started));
  }

  /** Frees the bytes of one that is not written. */
  skip({ bytes }: Extract<TrainingEvent, { type: 'checkpoint' }>): void {
    freeBytes(bytes);
    this.#nextAt = performance.now() + this.#order.checkpointEveryMs;
  }
}
