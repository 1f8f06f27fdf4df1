// The report of reading an upload: the values that were chosen for settings that the form left out, and all faults of the files. All readers of an upload share
// one report, so that a user gets all faults at once.
import { pointer } from '../validation.ts';
import { DataFormatError } from './errors.ts';

/** A setting that the form left out, with the value that the reader chose. */
export interface ChosenSetting<Value = unknown> {
  /** The form field for this setting. */
  readonly field: string;
  /** The chosen value, as JSON. */
  readonly value: Value;
  /** The reason for the choice, as a sentence for the user. */
  readonly reason: string;
}

/** The place of a fault. */
export interface FaultPlace {
  /** The part of the form: `file`, `testFile`, `inputs`, or a field such as `targetColumn`. */
  readonly part: string;
  /** The path of a file inside a zip or tar. */
  readonly entry?: string;
  /** The number of the row, from 1. A row of column names is row 1. */
  readonly row?: number;
  /** The name of a column. */
  readonly column?: string;
  /** The index of the sample, from 0. */
  readonly sample?: number;
}

/** One fault of an upload. */
export interface UploadFault {
  /** The place as a JSON pointer into the form: `/file/row/17/column/age`. */
  readonly path: string;
  /** A sentence without a full stop. It names the form part, so that it can be understood without `path`. */
  readonly message: string;
  /** A stable code in camelCase. */
  readonly code: string;
}

/** The maximum number of faults in the report of one upload. */
export const mostFaults = 100;

/** An upload that cannot be used. The error's message is the message of the first fault. */
export class UploadError extends DataFormatError {
  readonly faults: readonly UploadFault[];

  constructor(faults: readonly UploadFault[]) {
    super(faults[0]?.message ?? 'the files cannot be read');
    this.faults = faults;
  }
}

export class UploadReport {
  readonly #choices: ChosenSetting[] = [];
  readonly #faults: UploadFault[] = [];

  /** All choices so far. */
  get choices(): readonly ChosenSetting[] {
    return this.#choices;
  }

  get hasFaults(): boolean {
    return this.#faults.length > 0;
  }

  /** Reports a choice. The same choice is reported only once. */
  choice(field: string, value: unknown, reason: string): void {
    const text = JSON.stringify([field, value, reason]);
    if (!this.#choices.some((other) => JSON.stringify([other.field, other.value, other.reason]) === text)) {
      this.#choices.push({ field, value, reason });
    }
  }

  /**
   * Reports a fault. Reading continues, so that further faults are found too.
   * @throws UploadError when there are {@link mostFaults} faults
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
   * Runs a step of reading. If it throws a DataFormatError, this is reported as a fault at `place`.
   * @returns undefined if the step failed
   * @throws UploadError when there are {@link mostFaults} faults
   * @throws the error of the step if it is not a DataFormatError
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
