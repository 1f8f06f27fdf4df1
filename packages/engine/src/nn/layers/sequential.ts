// The container that runs its children one after another (torch.nn.Sequential). A job spec has no such layer: sequence.ts builds a spec's
// list of layers into a Sequential.
import { ArgumentError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { show } from '../../validation.ts';
import { Module } from '../module.ts';
import { type Stage, stagesOf } from './fusion.ts';

/** Returns a child's name and module. @throws ArgumentError unless the child is a module or [name, module] */
function namedChild(child: unknown, index: number): readonly [string, Module] {
  if (child instanceof Module) return [String(index), child];
  const parts: readonly unknown[] = Array.isArray(child) ? child : [];
  const [name, module] = parts;
  if (typeof name === 'string' && module instanceof Module) return [name, module];
  const remedy = name instanceof Module ? ': give the modules one by one, new Sequential(...modules)' : '';
  throw new ArgumentError(`Sequential: a child must be a module or [name, module], got ${show(child)} at index ${index}${remedy}`);
}

/** Runs its children in order. The names of parameters begin with the name of the child: `conv1.weight`, `7.bias`. */
export class Sequential extends Module {
  readonly #children = new Map<string, Module>();
  readonly #stages: readonly Stage[];

  /**
   * @param children modules, or pairs [name, module]. The name of a module without a name is its index.
   * @throws ArgumentError for a name that is empty, has a dot or is used twice
   */
  constructor(...children: readonly (Module | readonly [string, Module])[]) {
    super();
    children.forEach((child, index) => {
      const [name, module] = namedChild(child, index);
      if (name === '' || name.includes('.'))
        throw new ArgumentError(`Sequential: a child's name must not be empty or have dots, got "${name}"`);
      if (this.#children.has(name)) throw new ArgumentError(`Sequential: two children are named "${name}"`);
      this.#children.set(name, module);
    });
    this.#stages = stagesOf(this.namedChildren());
  }

  /** The stages in the order in which they run. A stage is one child, or neighbouring children that one operation computes. */
  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /** Returns the children in the order in which they run. */
  override namedChildren(): [string, Module][] {
    return [...this.#children];
  }

  override forward(input: Tensor): Tensor {
    let value = input;
    for (const stage of this.#stages) value = stage.forward(value);
    return value;
  }
}
