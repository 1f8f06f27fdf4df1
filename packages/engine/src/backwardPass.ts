// One backward pass: its operations and leaves, and the memory that the running backward function may reuse for gradients. Reuse saves
// copies and frees memory early. graphNode.ts runs the pass.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import type { Stored } from './storage.ts';

/**
 * The tensors whose memory can be freed during a pass. Entry 0: the tensors that no operation of the pass reads. Entry i + 1: the tensors
 * that operation i is the last to read.
 */
export type Releases = readonly (readonly Stored[])[];

/** A node of the graph. Its backward function may write to the storage of the gradients of its operands. */
export interface Lender {
  /** Returns storage to which the gradient of operand `index` can be written directly; null if there is none. */
  storageFor(index: number, length: number): FloatArray | null;
}

const NOTHING: readonly Stored[] = [];

export class BackwardPass<Step extends Lender = Lender> {
  /** The operations, from the newest to the oldest. */
  readonly operations: Step[] = [];
  readonly leaves: Step[] = [];
  /** The operation whose backward function runs. */
  #running: Step | null = null;
  /** Whether nothing but the running function reads the gradient that the function was given. */
  #ownsGradient = false;
  /** The tensors that no function of the pass reads after the running function. */
  #ending: readonly Stored[] = NOTHING;

  /**
   * Called before the backward function of `operation`.
   * @param owns whether nothing but this function reads the gradient that the function is given
   */
  begin(operation: Step, owns: boolean): void {
    this.#running = operation;
    this.#ownsGradient = owns;
  }

  /**
   * Called before an operation. Frees the memory of tensors.
   * @param ended the tensors to free
   * @param next the tensors that this operation is the last to read
   */
  release(ended: readonly Stored[], next: readonly Stored[]): void {
    for (let i = 0; i < ended.length; i++) freeTensor(ended[i]);
    this.#ending = next;
  }

  /** Called after the pass, also if an operation failed. */
  end(): void {
    this.#running = null;
    this.#ownsGradient = false;
    this.#ending = NOTHING;
  }

  /**
   * Returns storage for the gradient of operand `index` of the running operation. The backward function must write all `length` elements.
   * For a leaf that has no gradient yet, this is the storage of the leaf's gradient, which saves a copy.
   */
  gradientStorage(index: number, length: number): FloatArray {
    return this.#running?.storageFor(index, length) ?? backend().allocate(length);
  }

  /** Returns whether the running function is the last one that reads the operand. It may then call {@link endReading}. */
  isLastReader(operand: Stored): boolean {
    for (let i = 0; i < this.#ending.length; i++) if (this.#ending[i].version === operand.version) return true;
    return false;
  }

  /** Frees the memory of an operand, if the running function is the last one that reads it. The function must not read it afterwards. */
  endReading(operand: Stored): void {
    for (let i = 0; i < this.#ending.length; i++) {
      if (this.#ending[i].version === operand.version) freeTensor(this.#ending[i]);
    }
  }

  /** Whether the running function may change the values of the gradient that it was given. */
  get mayChangeGradient(): boolean {
    return this.#ownsGradient;
  }

  /**
   * Returns an array for the gradient that an element-wise function computes from `grad`. The array is `grad` itself if nothing but the
   * running function reads `grad`, otherwise a new array.
   */
  overGradient(grad: FloatArray): FloatArray {
    return this.#ownsGradient ? grad : backend().allocate(grad.length);
  }
}

/** Frees the memory of a tensor, unless {@link BackwardPass.endReading} has freed it. Reading the tensor afterwards throws an error. */
function freeTensor(tensor: Stored): void {
  if (tensor.version.isReleased) return;
  backend().release(tensor.storage);
  tensor.version.isReleased = true;
}
