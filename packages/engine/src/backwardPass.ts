// The state of one backward pass: its operations and leaves, and the memory that the running backward function may use for gradients.
// This saves copies and frees memory early. graphNode.ts runs the pass.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import type { Stored } from './storage.ts';

/** For each operation of a pass, the tensors that are not read from this operation on. The last entry: those that are not read after the pass. */
export type Releases = readonly (readonly Stored[])[];

/** A node of the graph whose operands may lend the storage of their gradients. */
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
  /** Whether only the running function reads the gradient that it was given. */
  #ownsGradient = false;
  /** The tensors that are not read after the running function. `#endedEarly` is the one of them that was already released. */
  #ending: readonly Stored[] = NOTHING;
  #endedEarly: Stored | null = null;

  /** Called before the backward function of `operation`. @param owns whether only this function reads the gradient that it is given */
  begin(operation: Step, owns: boolean): void {
    this.#running = operation;
    this.#ownsGradient = owns;
  }

  /** Called before an operation. Frees the memory of the tensors in `ended`. @param next the tensors that are not read after the operation */
  release(ended: readonly Stored[], next: readonly Stored[]): void {
    for (let i = 0; i < ended.length; i++) if (ended[i] !== this.#endedEarly) freeTensor(ended[i]);
    this.#ending = next;
    this.#endedEarly = null;
  }

  /** Called after the pass, also if an operation failed. */
  end(): void {
    this.#running = null;
    this.#ownsGradient = false;
    this.#ending = NOTHING;
    this.#endedEarly = null;
  }

  /**
   * Returns storage for the gradient of operand `index` of the running operation. The backward function must write all `length` elements. If
   * the operand is a leaf without a gradient in this pass, this is the storage of the leaf's gradient, which saves a copy.
   */
  gradientStorage(index: number, length: number): FloatArray {
    return this.#running?.storageFor(index, length) ?? backend().allocate(length);
  }

  /** Returns whether the operand is not read after the running function. The function may then call {@link endReading}. */
  isLastReader(operand: Stored): boolean {
    for (let i = 0; i < this.#ending.length; i++) if (this.#ending[i].version === operand.version) return true;
    return false;
  }

  /** Frees the memory of an operand. Call it when the running function no longer reads the operand. */
  endReading(operand: Stored): void {
    for (let i = 0; i < this.#ending.length; i++) {
      if (this.#ending[i].version !== operand.version) continue;
      freeTensor(this.#ending[i]);
      this.#endedEarly = this.#ending[i];
    }
  }

  /** Whether the running function may change the values of the gradient that it was given. */
  get mayChangeGradient(): boolean {
    return this.#ownsGradient;
  }

  /**
   * Returns an array for the gradient that an element-wise function computes from `grad`. It is `grad` itself if only the running function
   * reads `grad`.
   */
  overGradient(grad: FloatArray): FloatArray {
    return this.#ownsGradient ? grad : backend().allocate(grad.length);
  }
}

/** Frees the memory of a tensor. Reading the tensor afterwards throws an error. */
function freeTensor(tensor: Stored): void {
  backend().release(tensor.storage);
  tensor.version.isReleased = true;
}
