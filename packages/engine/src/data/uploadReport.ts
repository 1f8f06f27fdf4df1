// The report of reading an upload: what was decided for the user, and all faults of the files. All readers of an upload share one report,
// so that a user gets all faults at once.
import { pointer } from '../validation.ts';
import { DataFormatError } from './errors.ts';

/** A decision that the reader made because the form did not. */
export interface Taken {
  /** The form field that changes this decision. */
  readonly field: string;
  /** The decision, as JSON. */
  readonly value: unknown;
  /** A sentence for the user. */
  readonly reason: string;
}

/** Where a fault is. */
export interface FaultPlace {
  /** The part of the form: `file`, `testFile`, `inputs`, or a field such as `targetColumn`. */
  readonly part: string;
  /** A file inside of a zip or tar. */
  readonly entry?: string;
  /** From 1 on; the names of the columns, if there are some, are row 1. */
  readonly row?: number;
  /** The name of a column. */
  readonly column?: string;
  /** The number of a sample, from 0 on. */
  readonly sample?: number;
}

/** One thing that is wrong with an upload. */
export interface UploadFault {
  /** JSON pointer into the form: `/file/row/17/column/age`. */
  readonly path: string;
  /** A sentence without its full stop; it begins with the part, so that it can be read alone. */
  readonly message: string;
  /** Stable, camelCase. */
  readonly code: string;
}

/** Most faults in the report of one upload. */
export const mostFaults = 100;

/** An upload that cannot be used. The message is that of the first fault. */
export class UploadError extends DataFormatError {
  readonly faults: readonly UploadFault[];

  constructor(faults: readonly UploadFault[]) {
    super(faults[0]?.message ?? 'the files cannot be read');
    this.faults = faults;
  }
}

export class UploadReport {
  readonly #taken: Taken[] = [];
  readonly #faults: UploadFault[] = [];

  /** All decisions so far. */
  get taken(): readonly Taken[] {
    return this.#taken;
  }

  get hasFaults(): boolean {
    return this.#faults.length > 0;
  }

  /** Reports a decision, once. */
  take(field: string, value: unknown, reason: string): void {
    const text = JSON.stringify([field, value, reason]);
    if (!this.#taken.some((taken) => JSON.stringify([taken.field, taken.value, taken.reason]) === text)) {
      this.#taken.push({ field, value, reason });
    }
  }

  /**
   * Reports a fault. Reading continues, so that further faults are found too.
   * @throws UploadError when there are {@link mostFaults} of them
   */
  fault(place: FaultPlace, message: string, code = 'invalidValue'): void {
    const { part, entry, row, column, sample } = place;
    const steps = [
      part,
      ...(entry === undefined ? [] : ['entry', entry]),
      ...(row === undefined ? [] : ['row', row]),
      ...(column === undefined ? [] : ['column', column]),
      ...(sample === undefined ? [] : ['sample', sample]),
    ];
    this.#faults.push({ path: pointer(steps), message, code });
    if (this.#faults.length >= mostFaults) throw new UploadError(this.#faults);
  }

  /**
   * Runs a step of reading. A DataFormatError that it throws becomes a fault of the place.
   * @returns undefined if it failed
   * @throws UploadError when there are too many faults; errors other than DataFormatError unchanged
   */
  async attempt<T>(place: FaultPlace, step: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof UploadError || !(error instanceof DataFormatError)) throw error;
      for (const { place: own, message } of [error, ...error.others]) this.fault({ ...place, ...own }, message, 'invalidFile');
      return undefined;
    }
  }

  /** @throws UploadError with all faults, if there are any */
  throwIfFaulty(): void {
    if (this.hasFaults) throw new UploadError(this.#faults);
  }
}
