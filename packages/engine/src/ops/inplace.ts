// In-place changes of a tensor. They are not recorded in the graph. If PyTorch would record a change, an AutogradError is thrown that says
// what to do instead. An operation whose backward pass needs the changed values detects the change by the tensor's version count.
import { currentArena } from '../arena.ts';
import { isGradEnabled } from '../autograd.ts';
import type { BinaryOp } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { AutogradError, ShapeError } from '../errors.ts';
import { broadcastShapes, formatShape, sameShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Operand } from './elementwise.ts';

/** Checks an in-place change before it is made. @throws AutogradError if the change would have to be recorded in the graph */
function refuseRecorded(name: string, target: Tensor, source?: Operand): void {
  // The change is not a recorded operation, so a replay would leave it out.
  currentArena()?.notes?.giveUp();
  if (!isGradEnabled()) return;
  if (target.gradFn !== null) {
    throw new AutogradError(
      `${name} on a tensor that ${target.gradFn.name} computed: in-place changes are not recorded, use the operation that makes a new tensor, or noGrad()`,
    );
  }
  if (target.requiresGrad) {
    throw new AutogradError(`${name} on a leaf that requires gradients: put it inside noGrad(), or change its .data`);
  }
  if (source !== undefined && typeof source !== 'number' && source.requiresGrad) {
    throw new AutogradError(
      `${name} with an operand that requires gradients: in-place changes are not recorded, use its detach(), or noGrad()`,
    );
  }
}

function refuseGrowth(name: string, target: Shape, source: Shape): void {
  if (!sameShape(broadcastShapes(target, source), target)) {
    throw new ShapeError(`${name}: an operand of shape ${formatShape(source)} does not fit into a tensor of shape ${formatShape(target)}`);
  }
}

function update<T extends Tensor>(name: string, op: BinaryOp, target: T, operand: Operand): T {
  refuseRecorded(name, target, operand);
  const values = target.values;
  if (typeof operand === 'number') {
    backend().binaryScalar(op, values, operand, values);
  } else {
    refuseGrowth(name, target.shape, operand.shape);
    backend().binary(op, values, target.shape, operand.values, operand.shape, values, target.shape);
  }
  target.version.count += 1;
  return target;
}

/**
 * Computes target += operand. The operand broadcasts to the target's shape. @returns the target
 * @throws AutogradError if the change would have to be recorded in the graph
 * @throws ShapeError if the operand does not broadcast to the target's shape
 */
export const add_ = <T extends Tensor>(target: T, operand: Operand): T => update('add_', 'add', target, operand);

/** Computes target −= operand. The rules and errors are the same as for {@link add_}. */
export const sub_ = <T extends Tensor>(target: T, operand: Operand): T => update('sub_', 'sub', target, operand);

/** Computes target ·= operand. The rules and errors are the same as for {@link add_}. */
export const mul_ = <T extends Tensor>(target: T, operand: Operand): T => update('mul_', 'mul', target, operand);

/** Sets every element to `value`. @returns the target @throws AutogradError if the change would have to be recorded in the graph */
export function fill_<T extends Tensor>(target: T, value: number): T {
  refuseRecorded('fill_', target);
  backend().fill(target.values, value);
  target.version.count += 1;
  return target;
}

/** Sets every element to 0, as {@link fill_}. */
export const zero_ = <T extends Tensor>(target: T): T => fill_(target, 0);

/** Copies the source's elements to the target. The source broadcasts to the target's shape. Returns and throws the same as {@link add_}. */
export function copy_<T extends Tensor>(target: T, source: Tensor): T {
  refuseRecorded('copy_', target, source);
  refuseGrowth('copy_', target.shape, source.shape);
  if (target.size === source.size) backend().copy(source.values, target.values);
  else backend().broadcastTo(source.values, source.shape, target.values, target.shape);
  target.version.count += 1;
  return target;
}
