// A generator for a network whose parameters need not be drawn, because only its shapes are used or its weights are loaded.
import { Generator } from '../random.ts';

/** A generator that leaves arrays as they are. */
export class SkipInitGenerator extends Generator {
  override uniform_<T>(out: T): T {
    return out;
  }

  override normal_<T>(out: T): T {
    return out;
  }
}
