// Errors about data. Messages never contain a path of the machine, because they may be sent in an HTTP response.
import { EngineError } from '../errors.ts';

/** The location of a fault in an upload. Unknown fields are left out. */
export interface DataPlace {
  /** The part of the form, such as `inputs`. */
  readonly part?: string;
  /** A file or an array inside that part. */
  readonly entry?: string;
  /** The index of a sample, from 0. */
  readonly sample?: number;
}

export interface DataFormatErrorOptions extends ErrorOptions {
  readonly place?: DataPlace;
  /** Further faults of the upload. */
  readonly others?: readonly DataFormatError[];
}

/** A file or array does not fit its format. The message says where in the file or array the fault is, and which value is wrong. */
export class DataFormatError extends EngineError {
  readonly place: DataPlace;
  readonly others: readonly DataFormatError[];

  constructor(message: string, { place = {}, others = [], ...options }: DataFormatErrorOptions = {}) {
    super('invalidDataFile', message, options);
    this.place = place;
    this.others = others;
  }
}

/**
 * Runs a step that reads one file. If it throws a DataFormatError without a part, the error is thrown again with this file as its place.
 * @param name the part of the form, or `part/entry` for a file inside it
 */
export function inFile<T>(name: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof DataFormatError) || error.place.part !== undefined) throw error;
    const [part, ...entry] = name.split('/');
    const place = { part, ...(entry.length > 0 && { entry: entry.join('/') }), ...error.place };
    throw new DataFormatError(error.message, { cause: error, place, others: error.others });
  }
}

/**
 * Runs two steps. The second step runs even if the first step throws a DataFormatError.
 * @throws DataFormatError if a step throws one. It has the faults of both steps
 */
export function bothOf<A, B>(first: () => A, second: () => B): [A, B] {
  let a: A;
  try {
    a = first();
  } catch (error) {
    if (!(error instanceof DataFormatError)) throw error;
    const other = faultOf(second);
    throw other === null
      ? error
      : new DataFormatError(error.message, { cause: error, place: error.place, others: [...error.others, other] });
  }
  return [a, second()];
}

function faultOf(step: () => unknown): DataFormatError | null {
  try {
    step();
    return null;
  } catch (error) {
    if (error instanceof DataFormatError) return error;
    throw error;
  }
}

/** A dataset's file is missing and cannot be fetched. The message says what to do. */
export class DatasetUnavailableError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('datasetUnavailable', message, options);
  }
}

/** A downloaded file does not have the expected checksum. */
export class DatasetChecksumError extends EngineError {
  readonly expected: string;
  readonly actual: string;

  constructor(message: string, expected: string, actual: string) {
    super('datasetChecksum', message);
    this.expected = expected;
    this.actual = actual;
  }
}

/** A loader was used after it was closed, or its thread failed. A thread that ended unexpectedly is a {@link ThreadLostError} instead. */
export class LoaderError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('dataLoader', message, options);
  }
}
