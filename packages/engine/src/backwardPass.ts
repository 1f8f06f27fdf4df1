// One backward pass: the operations and leaves that it visits, and where the backward function that runs may write a gradient, so that
// nothing is copied, and nothing is kept for longer than it is read. graphNode.ts does the pass.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import type { Stored } from './storage.ts';

/** For each operation of a pass, the tensors that nobody reads any more when it begins; last, those that nobody reads after the pass. */
export type Releases = readonly (readonly Stored[])[];

/** A step of the graph that may lend the gradients of its leaves. */
export interface Lender {
  /** Returns the storage of the gradient of operand `index`, if the operand is a leaf that has received nothing in this pass. */
  storageFor(index: number, length: number): FloatArray | null;
}

const NOTHING: readonly Stored[] = [];

export class BackwardPass<Step extends Lender = Lender> {
  /** From the newest to the oldest. */
  readonly operations: Step[] = [];
  readonly leaves: Step[] = [];
  /** The operation whose backward function runs. */
  #running: Step | null = null;
  /** Whether nobody else will read the gradient that this function was given. */
  #ownsGradient = false;
  /** What nobody reads after this function, and which of these tensors has been released already. */
  #ending: readonly Stored[] = NOTHING;
  #endedEarly: Stored | null = null;

  /** Is called before the backward function of `operation`. @param owns whether nobody else will read the gradient that it is given. */
  begin(operation: Step, owns: boolean): void {
    this.#running = operation;
    this.#ownsGradient = owns;
  }

  /** Is called before an operation. What is allocated next may have the room of `ended`. @param next what nobody reads after the operation. */
  release(ended: readonly Stored[], next: readonly Stored[]): void {
    for (let i = 0; i < ended.length; i++) if (ended[i] !== this.#endedEarly) giveRoom(ended[i]);
    this.#ending = next;
    this.#endedEarly = null;
  }

  /** Is called after the pass, also if an operation failed. */
  end(): void {
    this.#running = null;
    this.#ownsGradient = false;
    this.#ending = NOTHING;
    this.#endedEarly = null;
  }

  /**
   * Returns storage for the gradient of operand `index` of the running operation. The backward function must write all `length` elements. If
   * the operand is a leaf that has received nothing yet, this is the leaf's own gradient, so that nothing is copied.
   */
  gradientStorage(index: number, length: number): FloatArray {
    return this.#running?.storageFor(index, length) ?? backend().allocate(length);
  }

  /** Returns whether nobody reads the operand after the running function. The function may then call {@link endReading}. */
  isLastReader(operand: Stored): boolean {
    for (let i = 0; i < this.#ending.length; i++) if (this.#ending[i].version === operand.version) return true;
    return false;
  }

  /** Gives the operand's room to what is allocated next. The running function does not read the operand any more. */
  endReading(operand: Stored): void {
    for (let i = 0; i < this.#ending.length; i++) {
      if (this.#ending[i].version !== operand.version) continue;
      giveRoom(this.#ending[i]);
      this.#endedEarly = this.#ending[i];
    }
  }

  /** Whether the running function may change the values of the gradient that it was given. */
  get mayChangeGradient(): boolean {
    return this.#ownsGradient;
  }

  /**
   * Returns where a function that goes element by element may write a gradient as large as `grad`, which it was given. This is `grad` itself
   * if nobody else will read it.
   */
  overGradient(grad: FloatArray): FloatArray {
    return this.#ownsGradient ? grad : backend().allocate(grad.length);
  }
}

/** From here on nobody can read the tensor. */
function giveRoom(tensor: Stored): void {
  backend().release(tensor.storage);
  tensor.version.isReleased = true;
}
