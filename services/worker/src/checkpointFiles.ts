// The child's end of a checkpoint's way: when one is due, and the file that its bytes go to. Storing it is the worker's business.
import { rm, writeFile } from 'node:fs/promises';
import type { TrainingEvent } from '@trainyard/engine';
import type { ReportedEvent, TrainOrder } from './messages.ts';
import { describeError } from './runError.ts';

/** Training takes at least so many times as long as writing its checkpoints. */
const LEAST_TRAINING = 20;

export class CheckpointFiles {
  readonly #order: Pick<TrainOrder, 'checkpointFile' | 'checkpointEveryMs'>;
  #number = 0;
  #nextAt: number;

  constructor(order: Pick<TrainOrder, 'checkpointFile' | 'checkpointEveryMs'>) {
    this.#order = order;
    this.#nextAt = performance.now() + order.checkpointEveryMs;
  }

  due(): boolean {
    return performance.now() >= this.#nextAt;
  }

  /** Writes the bytes; a file that cannot be written is told of, and costs only the checkpoint. */
  async write({ bytes, epoch, step }: Extract<TrainingEvent, { type: 'checkpoint' }>): Promise<ReportedEvent> {
    const started = performance.now();
    this.#number += 1;
    const file = `${this.#order.checkpointFile}.${this.#number}`;
    try {
      await writeFile(file, bytes);
      return { type: 'checkpoint', epoch, step, file, bytes: bytes.length };
    } catch (error) {
      await rm(file, { force: true });
      const { message } = describeError(error).error;
      return { type: 'log', level: 'warn', message: `a checkpoint could not be written, training goes on without it: ${message}` };
    } finally {
      const now = performance.now();
      this.#nextAt = now + Math.max(this.#order.checkpointEveryMs, LEAST_TRAINING * (now - started));
    }
  }
}
