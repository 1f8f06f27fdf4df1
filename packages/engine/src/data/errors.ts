// What can be wrong with data. Messages never hold a path of the machine: they may end in an HTTP answer.
import { EngineError } from '../errors.ts';

/** A file or array that is not what its format says; the message names the byte and the values. */
export class DataFormatError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidDataFile', message, options);
  }
}

/** A dataset's file that is nowhere and cannot be fetched; the message names the remedy. */
export class DatasetUnavailableError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('datasetUnavailable', message, options);
  }
}

/** A download that is not the file it should be. */
export class DatasetChecksumError extends EngineError {
  readonly expected: string;
  readonly actual: string;

  constructor(message: string, expected: string, actual: string) {
    super('datasetChecksum', message);
    this.expected = expected;
    this.actual = actual;
  }
}

/** A loader that cannot go on: used after it was closed, or its thread failed. That it is gone is a {@link ThreadLostError}. */
export class LoaderError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('dataLoader', message, options);
  }
}
