// The child's view of the disk that its files go to. A disk that takes nothing costs time, not the run: the worker is told once that it
// is so and once that it is over, and whoever writes tries again.
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReportedEvent } from './messages.ts';
import { diskProblemOf } from './runError.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export class ScratchDisk {
  #isFailing = false;

  /**
   * Writes a file, once. @returns whether it is there; nothing is left of it otherwise
   * @throws what is not the disk's fault
   */
  async *write(file: string, content: string | Uint8Array): AsyncGenerator<ReportedEvent, boolean, void> {
    try {
      await writeFile(file, content);
      yield* this.works();
      return true;
    } catch (error) {
      await rm(file, { force: true }).catch(() => {});
      yield* this.fails(error);
      return false;
    }
  }

  /** Does `attempt` again until it says that it is done, with growing pauses. @throws the reason of the signal */
  async *until(
    attempt: () => AsyncGenerator<ReportedEvent, boolean, void>,
    signal: AbortSignal,
  ): AsyncGenerator<ReportedEvent, void, void> {
    for (let pause = FIRST_PAUSE_MS; !(yield* attempt()); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      await this.pause(pause, signal);
    }
  }

  /** Something could be written. */
  *works(): Generator<ReportedEvent, void, void> {
    if (this.#isFailing) yield { type: 'scratch', problem: null };
    this.#isFailing = false;
  }

  /** Something could not be written. @throws the error, when the disk is not to blame */
  *fails(error: unknown): Generator<ReportedEvent, void, void> {
    const problem = diskProblemOf(error);
    if (problem === null) throw error;
    if (!this.#isFailing) yield { type: 'scratch', problem };
    this.#isFailing = true;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
