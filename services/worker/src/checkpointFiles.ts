// Decides in the training child when a checkpoint is due, and writes its bytes to a file. The worker then stores the file.
import type { TrainingEvent } from '@trainyard/engine';
import { freeBytes } from './freeBytes.ts';
import type { ReportedEvent, TrainOrder } from './messages.ts';
import type { ScratchDisk } from './scratchDisk.ts';

/** The time between two checkpoints is at least this many times the time that writing a checkpoint takes. */
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

  /** Writes the bytes to a file and frees them. If the disk is full, only this checkpoint is lost. */
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

  /** Frees the bytes of a checkpoint without writing them. */
  skip({ bytes }: Extract<TrainingEvent, { type: 'checkpoint' }>): void {
    freeBytes(bytes);
    this.#nextAt = performance.now() + this.#order.checkpointEveryMs;
  }
}
