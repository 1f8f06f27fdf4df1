// The values that a pickle may contain, the interface through which the caller allows classes and functions, and the error for everything
// else.
import { EngineError } from '../errors.ts';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** An object of the caller. The reader of pickles passes it on without using its content. */
export abstract class PickleObject {
  readonly isPickleObject = true;
}

/** A class or function that a pickle names. */
export class PickleGlobal extends PickleObject {
  readonly name: string;
  /** Returns the result of a call. Null if the pickle may name this class or function but not call it. */
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | null;

  constructor(name: string, call: PickleGlobal['call'] = null) {
    super();
    this.name = name;
    this.call = call;
  }
}

/** The things outside the pickle to which it may refer. Each method throws a PickleError for anything that is not allowed. */
export interface PickleHost {
  global(name: string): PickleGlobal;
  persistent(id: PickleValue): PickleValue;
}

export class PickleError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidPickle', message, options);
  }
}
