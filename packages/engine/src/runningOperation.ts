// What a backward function may know of the pass that it runs in: where a gradient can be written so that nothing is copied or kept
// for longer than it is read. The pass itself is node.ts's.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import type { Node } from './node.ts';
import type { Tensor } from './tensor.ts';

/** The node whose backward function runs. */
let running: Node | null = null;
/** Whether nobody but it will read the gradient that it was given. */
let ownsGradient = false;
/** What nobody reads any more after it, and which of that has been released by then. */
let ending: readonly Tensor[] = [];
let endedEarly: Tensor | null = null;

/** Before the backward function of `node`. @param owns whether nobody else will read the gradient that it is given. */
export function begin(node: Node, owns: boolean): void {
  running = node;
  ownsGradient = owns;
}

/** Before an operation: gives the room of `ended` to whatever is allocated next. @param next what is ended after it. */
export function release(ended: readonly Tensor[], next: readonly Tensor[]): void {
  for (let i = 0; i < ended.length; i++) if (ended[i] !== endedEarly) giveRoom(ended[i]);
  ending = next;
  endedEarly = null;
}

/** From here on nobody can read it. */
function giveRoom(tensor: Tensor): void {
  backend().release(tensor.storage);
  tensor.version.isReleased = true;
}

/** After a backward pass, or what of it there was. */
export function endPass(): void {
  running = null;
  ownsGradient = false;
  ending = [];
  endedEarly = null;
}

/**
 * For a backward function: storage for the gradient of operand `index` of its operation, which has `length` elements and writes all of
 * them. Where the operand is a leaf and nothing has arrived there yet, this is the leaf's own gradient, so that nothing is copied.
 */
export function gradientStorage(index: number, length: number): FloatArray {
  return running?.storageFor(index, length) ?? backend().allocate(length);
}

/** For a backward function: whether nobody reads an operand after it, so that it may say when it has done so itself. */
export function isLastReader(operand: Tensor): boolean {
  for (let i = 0; i < ending.length; i++) if (ending[i].version === operand.version) return true;
  return false;
}

/** Says so: what is allocated next may have the operand's room. */
export function endReading(operand: Tensor): void {
  for (let i = 0; i < ending.length; i++) {
    if (ending[i].version !== operand.version) continue;
    giveRoom(ending[i]);
    endedEarly = ending[i];
  }
}

/** For a backward function: whether it may leave the gradient that it was given with other values. */
export const mayChangeGradient = (): boolean => ownsGradient;

/**
 * For a backward function that goes element by element: where it may write a gradient as large as `grad`, which is what it was given.
 * That is `grad` itself where nobody else will read it.
 */
export function overGradient(grad: FloatArray): FloatArray {
  return ownsGradient ? grad : backend().allocate(grad.length);
}
