// The values that a Python pickle may contain here, the interface for what only the caller knows, and the error for everything else.
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

/** What only the caller understands. */
export abstract class PickleObject {
  readonly isPickleObject = true;
}

/** A class or function that a pickle names. */
export class PickleGlobal extends PickleObject {
  readonly name: string;
  /** The result of a call; null if it may be named but not called. */
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | null;

  constructor(name: string, call: PickleGlobal['call'] = null) {
    super();
    this.name = name;
    this.call = call;
  }
}

/** What a pickle may refer to outside of itself. Each throws PickleError for what is not known. */
export interface PickleHost {
  global(name: string): PickleGlobal;
  persistent(id: PickleValue): PickleValue;
}

export class PickleError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidPickle', message, options);
  }
}
