// Writes the files of a training child. If the disk is full or fails, the run does not fail: the write is retried, and the worker gets one
// event when the problem begins and one when it is over.
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReportedEvent } from './messages.ts';
import { diskProblemOf } from './runError.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export class ScratchDisk {
  #isFailing = false;

  /**
   * Tries once to write a file. @returns false if the disk has a problem; the unfinished file is then removed
   * @throws the error of the write, if its cause is not a problem of the disk
   */
  async *write(file: string, content: string | Uint8Array): AsyncGenerator<ReportedEvent, boolean, void> {
    try {
      await writeFile(file, content);
      yield* this.reportWorking();
      return true;
    } catch (error) {
      await rm(file, { force: true }).catch(() => {});
      yield* this.reportProblem(error);
      return false;
    }
  }

  /** Repeats `attempt` until it returns true, with growing pauses. @throws the reason of `signal`, if it is aborted during a pause */
  async *until(
    attempt: () => AsyncGenerator<ReportedEvent, boolean, void>,
    signal: AbortSignal,
  ): AsyncGenerator<ReportedEvent, void, void> {
    for (let pause = FIRST_PAUSE_MS; !(yield* attempt()); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      await this.pause(pause, signal);
    }
  }

  /** Reports that the problem is over, if one was reported. */
  *reportWorking(): Generator<ReportedEvent, void, void> {
    if (this.#isFailing) yield { type: 'scratch', problem: null };
    this.#isFailing = false;
  }

  /** Reports a problem of the disk, unless it is already reported. @throws the error if it is not a problem of the disk */
  *reportProblem(error: unknown): Generator<ReportedEvent, void, void> {
    const problem = diskProblemOf(error);
    if (problem === null) throw error;
    if (!this.#isFailing) yield { type: 'scratch', problem };
    this.#isFailing = true;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
