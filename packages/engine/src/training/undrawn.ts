// For a network that is made only to be looked at or to be given weights: its parameters are not drawn.
import { Generator } from '../random.ts';

/** A generator that leaves arrays as they are. */
export class Undrawn extends Generator {
  override uniform_<T>(out: T): T {
    return out;
  }

  override normal_<T>(out: T): T {
    return out;
  }
}
