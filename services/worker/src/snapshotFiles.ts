// The child's end of the way of what is kept of single epochs: gathers their documents and writes those of about a second into one
// file, so that a job of many short epochs costs few of them. Storing the files is the worker's business.
import type { TrainingEvent } from '@trainyard/engine';
import { type SnapshotKind, snapshotKinds, snapshotLine } from '@trainyard/jobs/snapshots';
import type { ReportedEvent, TrainOrder } from './messages.ts';
import type { ScratchDisk } from './scratchDisk.ts';

/** Documents wait so long for others, and a share of the time that the run has taken if that is longer. */
const LONGEST_WAIT_MS = 1_000;
const LONGEST_WAIT_SHARE = 0.02;

/** Characters that may wait for others. */
const MOST_WAITING = 4 * 2 ** 20;
/** Characters that may wait for a disk that takes nothing, before training waits too. */
const MOST_KEPT = 64 * 2 ** 20;

interface Waiting {
  epochs: number[];
  lines: string[];
}

export class SnapshotFiles {
  readonly #order: Pick<TrainOrder, 'snapshotFile'>;
  readonly #began = performance.now();
  #dueAt = this.#began + LONGEST_WAIT_MS;
  readonly #waiting = new Map<SnapshotKind, Waiting>();
  #characters = 0;
  readonly #disk: ScratchDisk;
  #number = 0;

  constructor(order: Pick<TrainOrder, 'snapshotFile'>, disk: ScratchDisk) {
    this.#order = order;
    this.#disk = disk;
  }

  add({ type, ...document }: Extract<TrainingEvent, { type: SnapshotKind }>): void {
    const line = snapshotLine(document);
    const { epochs, lines } = this.#waiting.get(type) ?? this.#begin(type);
    epochs.push(document.epoch);
    lines.push(line);
    this.#characters += line.length;
  }

  /** Whether what was gathered has waited long enough. */
  get due(): boolean {
    return this.#waiting.size > 0 && (this.#characters > MOST_WAITING || performance.now() >= this.#dueAt);
  }

  /** Whether more waits for the disk than may. */
  get isFull(): boolean {
    return this.#characters > MOST_KEPT;
  }

  /** Writes what was gathered; what the disk does not take waits for the next time. @returns whether nothing waits any more */
  async *write(): AsyncGenerator<ReportedEvent, boolean, void> {
    for (const kind of snapshotKinds) {
      const waiting = this.#waiting.get(kind);
      if (waiting === undefined) continue;
      this.#number += 1;
      const file = `${this.#order.snapshotFile}.${this.#number}`;
      const text = waiting.lines.join('');
      if (!(yield* this.#disk.write(file, text))) continue;
      this.#waiting.delete(kind);
      this.#characters -= text.length;
      yield { type: 'snapshots', kind, file, epochs: waiting.epochs };
    }
    const now = performance.now();
    this.#dueAt = now + Math.max(LONGEST_WAIT_MS, LONGEST_WAIT_SHARE * (now - this.#began));
    return this.#waiting.size === 0;
  }

  #begin(kind: SnapshotKind): Waiting {
    const waiting: Waiting = { epochs: [], lines: [] };
    this.#waiting.set(kind, waiting);
    return waiting;
  }
}
