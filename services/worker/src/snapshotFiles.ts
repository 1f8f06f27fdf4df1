// Collects the gradients and evaluations of epochs in the training child, and writes them to files about every second. So a job with
// many short epochs needs few files. The worker then stores the files.
import type { TrainingEvent } from '@trainyard/engine';
import { type SnapshotKind, snapshotKinds, snapshotLine } from '@trainyard/jobs/snapshots';
import type { ReportedEvent, TrainOrder } from './messages.ts';
import type { ScratchDisk } from './scratchDisk.ts';

/** How long a document waits for more: 1 s, or 2 % of the run's time if that is longer. */
const LONGEST_WAIT_MS = 1_000;
const LONGEST_WAIT_SHARE = 0.02;

/** When documents with more characters than this are waiting, they are written at once. */
const MOST_WAITING = 4 * 2 ** 20;
/** When the disk is full or fails and documents with more characters than this are waiting, training pauses until they are written. */
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

  /** Whether the collected documents should be written now. */
  get due(): boolean {
    return this.#waiting.size > 0 && (this.#characters > MOST_WAITING || performance.now() >= this.#dueAt);
  }

  /** Whether training must wait until the disk accepts the collected documents. */
  get isFull(): boolean {
    return this.#characters > MOST_KEPT;
  }

  /** Writes the collected documents. If the disk fails, they wait for the next call. @returns whether all are written */
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
