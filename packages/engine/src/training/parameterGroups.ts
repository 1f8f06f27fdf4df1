// The groups of parameters of an optimizer: which weights are in which group, and the optimizers of all groups as one. Each group has an
// optimizer of its own, because an update of a parameter depends on no other parameter.
import type { Module, Parameter } from '../nn/module.ts';
import { findOptimizer, type Optimizer, type OptimizerSpec, optionsOfGroups, type SavedParameterState } from '../optim/index.ts';
import { trainedParameters } from './freezing.ts';
import { matchNames } from './namePatterns.ts';

/** For each group, a pattern, or several patterns of which one must match. */
export type GroupPatterns = readonly (string | readonly string[])[];

/**
 * Returns the group of each weight: 0 if no pattern matches it, otherwise 1 more than the index of the first group whose pattern does.
 * @param names the names of the weights
 */
export function groupsOfNames(patterns: GroupPatterns, names: readonly string[]): readonly number[] {
  const matched = matchGroups(patterns, names);
  return names.map((name) => matched.findIndex((set) => set.has(name)) + 1);
}

/** Returns, for each group, the names that its patterns match. */
export function matchGroups(patterns: GroupPatterns, names: readonly string[]): readonly ReadonlySet<string>[] {
  return patterns.map((pattern) => {
    const matched = matchNames(typeof pattern === 'string' ? [pattern] : pattern, names);
    return new Set(matched.flatMap((set) => [...set]));
  });
}

/**
 * Returns the trained parameters of a network by groups: first those that no pattern matches, then, for each pattern, those that it is the
 * first to match. Frozen parameters are in no group.
 * @param patterns for each group a glob, or several globs, over the whole names of weights, or of what holds them; `*` crosses dots
 */
export function parameterGroups(model: Module, patterns: GroupPatterns): Parameter[][] {
  const trained = trainedParameters(model);
  const groupOf = groupsOfNames(
    patterns,
    trained.map(([name]) => name),
  );
  return ['', ...patterns].map((_, group) => trained.flatMap(([, parameter], at) => (groupOf[at] === group ? [parameter] : [])));
}

/** The optimizers of all groups of a spec. */
export class GroupedOptimizer {
  /** The optimizers of the groups, in the order of {@link optionsOfGroups}. Null for a group without parameters. */
  readonly groups: readonly (Optimizer | null)[];
  /** For each parameter, in the order of the model: its group, and its index in the group. */
  readonly #places: readonly (readonly [group: number, index: number])[];

  /** @param patterns the patterns of the spec's groups, over the names of the model */
  constructor(spec: OptimizerSpec, model: Module, patterns: GroupPatterns) {
    const groups = parameterGroups(model, patterns);
    const options = optionsOfGroups(spec);
    this.groups = groups.map((parameters, group) =>
      parameters.length === 0 ? null : findOptimizer(spec.type).build(options[group], parameters),
    );
    const places = new Map(
      groups.flatMap((parameters, group) => parameters.map((parameter, index) => [parameter, [group, index] as const] as const)),
    );
    this.#places = trainedParameters(model).map(([, parameter]) => places.get(parameter) ?? [0, 0]);
  }

  /** Updates all parameters that have a gradient, in place. */
  step(): void {
    for (let i = 0; i < this.groups.length; i++) this.groups[i]?.step();
  }

  /** Sets all existing gradients to zero, in place. */
  zeroGrad(): void {
    for (let i = 0; i < this.groups.length; i++) this.groups[i]?.zeroGrad();
  }

  /** Returns the state of each trained parameter, in the order of the model. The arrays are not copied: the next step changes them. */
  liveState(): (SavedParameterState | null)[] {
    const states = this.groups.map((optimizer) => optimizer?.liveState() ?? []);
    return this.#places.map(([group, index]) => states[group][index]);
  }

  /**
   * Restores a state that {@link liveState} returned.
   * @throws ArgumentError if the state belongs to another optimizer
   */
  load(saved: readonly (SavedParameterState | null)[]): void {
    this.groups.forEach((optimizer, group) => {
      optimizer?.load(saved.filter((_, at) => this.#places[at][0] === group));
    });
  }
}
