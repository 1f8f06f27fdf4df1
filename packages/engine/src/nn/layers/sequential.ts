// The container that runs its children one after another (torch.nn.Sequential). Not a layer of a job spec: a spec's
// list of layers is built into one by model.ts.
import { ArgumentError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { show } from '../../validation.ts';
import { Module } from '../module.ts';
import { type Stage, stagesOf } from './fusion.ts';

/** @throws ArgumentError for what is neither a module nor [name, module] */
function namedChild(child: unknown, index: number): readonly [string, Module] {
  if (child instanceof Module) return [String(index), child];
  const parts: readonly unknown[] = Array.isArray(child) ? child : [];
  const [name, module] = parts;
  if (typeof name === 'string' && module instanceof Module) return [name, module];
  const remedy = name instanceof Module ? ': give the modules one by one, new Sequential(...modules)' : '';
  throw new ArgumentError(`Sequential: a child is a module or [name, module], got ${show(child)} at index ${index}${remedy}`);
}

/** Runs its children in order. A parameter's name begins with its child's: `conv1.weight`, `7.bias`. */
export class Sequential extends Module {
  readonly #children = new Map<string, Module>();
  readonly #stages: readonly Stage[];

  /**
   * @param children modules, each alone (its name is then its index) or as [name, module].
   * @throws ArgumentError for a name that is given twice, is empty or has a dot.
   */
  constructor(...children: readonly (Module | readonly [string, Module])[]) {
    super();
    children.forEach((child, index) => {
      const [name, module] = namedChild(child, index);
      if (name === '' || name.includes('.'))
        throw new ArgumentError(`Sequential: a child's name is not empty and has no dots, got "${name}"`);
      if (this.#children.has(name)) throw new ArgumentError(`Sequential: two children are named "${name}"`);
      this.#children.set(name, module);
    });
    this.#stages = stagesOf(this.namedChildren());
  }

  /** What runs, in order: a child alone, or neighbours as one operation. */
  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /** In the order in which they run. */
  override namedChildren(): [string, Module][] {
    return [...this.#children];
  }

  override forward(input: Tensor): Tensor {
    let value = input;
    for (const stage of this.#stages) value = stage.forward(value);
    return value;
  }
}
