// What every optimizer does: it walks its parameters, keeps their state and lets a subclass update one parameter at a
// time. The arithmetic is the backend's.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { zeroGradient } from '../nn/module.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

/** Arrays that an optimizer keeps for a parameter, by name, most of its size; null where none is needed (yet). */
export type Buffers = Record<string, FloatArray | null>;

/** All that an optimizer remembers of one parameter. */
export interface ParameterState<Kept extends Buffers = Buffers> {
  /** Updates so far. */
  step: number;
  readonly buffers: Kept;
}

/** {@link ParameterState} as a checkpoint holds it: copies, without the buffers that are not there. */
export interface SavedParameterState {
  readonly step: number;
  readonly buffers: Readonly<Record<string, FloatArray>>;
}

/** Options that every optimizer takes. */
export interface OptimizerOptions {
  readonly learningRate: number;
  /** Goes up the gradient instead of down. */
  readonly maximize: boolean;
}

export abstract class Optimizer<Kept extends Buffers = Buffers> {
  /** The rate of the next step; a scheduler writes here. */
  learningRate: number;
  /** Momentum, or beta1 in its place, of the next step; null for an optimizer without. A scheduler writes here too. */
  momentum: number | null = null;
  readonly parameters: readonly Tensor[];
  readonly #maximize: boolean;
  readonly #states = new Map<Tensor, ParameterState<Kept>>();

  /** @throws ArgumentError for no parameters, one that is given twice, or one that is not a leaf. */
  constructor(parameters: Iterable<Tensor>, options: OptimizerOptions) {
    this.parameters = tensorsOf(parameters);
    this.learningRate = options.learningRate;
    this.#maximize = options.maximize;
    if (this.parameters.length === 0)
      throw new ArgumentError('an optimizer needs at least one parameter, got none: add a layer that learns, such as Linear');
    if (new Set(this.parameters).size < this.parameters.length)
      throw new ArgumentError('an optimizer was given a parameter twice: give each once');
    const computed = this.parameters.find(({ isLeaf }) => !isLeaf);
    if (computed !== undefined) {
      throw new ArgumentError(
        `an optimizer takes leaf tensors, but the tensor of shape ${formatShape(computed.shape)} was computed: pass the tensors that it was computed from`,
      );
    }
  }

  /** Updates every parameter that has a gradient, in place. */
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

  /** Sets the gradients that exist to zero, in place. */
  zeroGrad(): void {
    for (let i = 0; i < this.parameters.length; i++) zeroGradient(this.parameters[i]);
  }

  /** All that it remembers, in the order of its parameters; null for one that has had no update. */
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
   * Goes on from what {@link state} gave: steps that follow are, bit for bit, those that would have followed there.
   * @throws ArgumentError when it is the state of other parameters or of another optimizer.
   */
  load(saved: readonly (SavedParameterState | null)[]): void {
    if (saved.length !== this.parameters.length) {
      throw new ArgumentError(`a state of ${saved.length} parameters does not fit an optimizer of ${this.parameters.length}`);
    }
    this.#states.clear();
    saved.forEach((state, i) => {
      if (state === null) return;
      const { size } = this.parameters[i];
      this.#states.set(this.parameters[i], { step: state.step, buffers: restored(this.initialBuffers(size), state, size, i) });
    });
  }

  /** What a parameter of `size` elements has before its first update; from allocatePersistent. */
  protected abstract initialBuffers(size: number): Kept;

  /** One update of one parameter and its state, in place; `state.step` counts this one. */
  protected abstract update(parameter: FloatArray, grad: FloatArray, state: ParameterState<Kept>): void;
}

/** @throws ArgumentError for what is not a list of tensors */
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

/** `initial` with the saved values. */
function restored<Kept extends Buffers>(initial: Kept, { buffers }: SavedParameterState, size: number, index: number): Kept {
  const kept: Buffers = initial;
  for (const [name, values] of Object.entries(buffers)) {
    const length = kept[name]?.length ?? size;
    if (!Object.hasOwn(kept, name) || values.length !== length) {
      throw new ArgumentError(
        `the state of parameter ${index} holds ${values.length} values of "${name}", which do not fit: is it another optimizer's or model's?`,
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
