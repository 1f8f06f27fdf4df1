// The base class of optimizers. It visits the parameters and keeps their state; a subclass updates one parameter at a time. The arithmetic
// is in the backend's kernels.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { zeroGradient } from '../nn/module.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

/**
 * The arrays that an optimizer keeps for a parameter, by name. Most have the parameter's size. null: the array is not needed, or not yet.
 */
export type Buffers = Record<string, FloatArray | null>;

/** Everything that an optimizer stores for one parameter. */
export interface ParameterState<Kept extends Buffers = Buffers> {
  /** The number of updates so far. */
  step: number;
  readonly buffers: Kept;
}

/** {@link ParameterState} in a checkpoint: copies of the arrays, without those that are null. */
export interface SavedParameterState {
  readonly step: number;
  readonly buffers: Readonly<Record<string, FloatArray>>;
}

/** The options that every optimizer has. */
export interface OptimizerOptions {
  readonly learningRate: number;
  /** Whether the loss is maximized instead of minimized. */
  readonly maximize: boolean;
}

export abstract class Optimizer<Kept extends Buffers = Buffers> {
  /** The learning rate of the next step. Schedulers change it. */
  learningRate: number;
  /** The momentum of the next step, or beta1 for optimizers with betas. null: the optimizer has neither. Schedulers change it. */
  momentum: number | null = null;
  readonly parameters: readonly Tensor[];
  readonly #maximize: boolean;
  readonly #states = new Map<Tensor, ParameterState<Kept>>();

  /** @throws ArgumentError if there are no parameters, a parameter is given twice, or a parameter is not a leaf */
  constructor(parameters: Iterable<Tensor>, options: OptimizerOptions) {
    this.parameters = tensorsOf(parameters);
    this.learningRate = options.learningRate;
    this.#maximize = options.maximize;
    if (this.parameters.length === 0)
      throw new ArgumentError('an optimizer needs at least one parameter, got none: add a layer that learns, such as Linear');
    if (new Set(this.parameters).size < this.parameters.length)
      throw new ArgumentError('an optimizer was given the same parameter twice: give each parameter once');
    const computed = this.parameters.find(({ isLeaf }) => !isLeaf);
    if (computed !== undefined) {
      throw new ArgumentError(
        `an optimizer takes leaf tensors, but the tensor of shape ${formatShape(computed.shape)} was computed: pass the tensors that it was computed from`,
      );
    }
  }

  /** Updates all parameters that have a gradient, in place. */
  step(): void {
    for (let i = 0; i < this.parameters.length; i++) {
      const parameter = this.parameters[i];
      const { grad } = parameter;
      if (grad === null) continue;
      let state = this.#states.get(parameter);
      if (state === undefined) {
        state = { step: 0, buffers: this.initialBuffers(parameter.size) };
        this.#states.set(parameter, state);
      }
      state.step += 1;
      this.update(parameter.values, this.#maximize ? negated(grad.values) : grad.values, state);
      parameter.version.count += 1;
    }
  }

  /** Sets all existing gradients to zero, in place. */
  zeroGrad(): void {
    for (let i = 0; i < this.parameters.length; i++) zeroGradient(this.parameters[i]);
  }

  /** Returns a copy of the state of each parameter, in the order of the parameters. null: the parameter has had no update. */
  state(): (SavedParameterState | null)[] {
    return this.#saved((buffer) => buffer.slice());
  }

  /** Returns the same as {@link state}, but the arrays are not copied: the next step changes them. */
  liveState(): (SavedParameterState | null)[] {
    return this.#saved((buffer) => buffer);
  }

  #saved(take: (buffer: FloatArray) => FloatArray): (SavedParameterState | null)[] {
    return this.parameters.map((parameter) => {
      const state = this.#states.get(parameter);
      if (state === undefined) return null;
      const buffers: Record<string, FloatArray> = {};
      for (const [name, buffer] of Object.entries(state.buffers)) if (buffer !== null) buffers[name] = take(buffer);
      return { step: state.step, buffers };
    });
  }

  /**
   * Restores a state that {@link state} returned. The next steps are the same, bit for bit, as if training had not been interrupted.
   * @throws ArgumentError if the state belongs to other parameters or to another optimizer
   */
  load(saved: readonly (SavedParameterState | null)[]): void {
    if (saved.length !== this.parameters.length) {
      throw new ArgumentError(
        `the state has ${saved.length} parameters, but the optimizer has ${this.parameters.length}: load the state of the same model`,
      );
    }
    this.#states.clear();
    saved.forEach((state, i) => {
      if (state === null) return;
      const { size } = this.parameters[i];
      this.#states.set(this.parameters[i], { step: state.step, buffers: restored(this.initialBuffers(size), state, size, i) });
    });
  }

  /** Returns the arrays of a parameter of `size` elements before its first update. They must come from allocatePersistent. */
  protected abstract initialBuffers(size: number): Kept;

  /** Updates one parameter and its state, in place. `state.step` already counts this update. */
  protected abstract update(parameter: FloatArray, grad: FloatArray, state: ParameterState<Kept>): void;
}

/** Returns the tensors of a list. @throws ArgumentError for anything but a list of tensors */
function tensorsOf(parameters: unknown): readonly Tensor[] {
  const isList = typeof parameters === 'object' && parameters !== null && Symbol.iterator in parameters;
  if (!isList || parameters instanceof Tensor) {
    throw new ArgumentError(`an optimizer takes a list of parameters, such as net.parameters(), got ${show(parameters)}`);
  }
  return Array.from(parameters as Iterable<unknown>, (parameter) => {
    if (parameter instanceof Tensor) return parameter;
    throw new ArgumentError(`an optimizer takes tensors, such as those of net.parameters(), got ${show(parameter)} among them`);
  });
}

function negated(grad: FloatArray): FloatArray {
  const out = backend().allocate(grad.length);
  backend().unary('neg', grad, out);
  return out;
}

/** Copies the saved values to the arrays of `initial`. @throws ArgumentError if names or sizes differ */
function restored<Kept extends Buffers>(initial: Kept, { buffers }: SavedParameterState, size: number, index: number): Kept {
  const kept: Buffers = initial;
  for (const [name, values] of Object.entries(buffers)) {
    const length = kept[name]?.length ?? size;
    if (!Object.hasOwn(kept, name) || values.length !== length) {
      throw new ArgumentError(
        `the state of parameter ${index} has ${values.length} values of "${name}", which does not fit: load a state of the same model and optimizer`,
      );
    }
    kept[name] ??= backend().allocatePersistent(length);
    kept[name].set(values);
  }
  for (const [name, buffer] of Object.entries(initial)) {
    if (buffer !== null && !Object.hasOwn(buffers, name)) throw new ArgumentError(`the state of parameter ${index} lacks "${name}"`);
  }
  return initial;
}
