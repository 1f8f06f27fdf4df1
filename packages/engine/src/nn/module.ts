// What a layer or a network is: parameters and child modules found in its own fields, in the order in
// which they were assigned, as PyTorch's nn.Module does it. A module knows no optimizer and no data.

import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { formatTensor } from '../print.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** A tensor that is learned: it requires gradients and outlives every arena. */
export class Parameter extends Tensor {
  constructor(storage: FloatArray, shape: Shape) {
    super(storage, shape, null);
    this.requiresGrad = true;
  }

  /** As PyTorch prints it. */
  override toString(): string {
    return `Parameter containing:\n${formatTensor(this)}`;
  }

  /** A parameter of zeros, ready to be initialised through `values`. */
  static zeros(shape: Shape): Parameter {
    return new Parameter(backend().allocatePersistent(sizeOf(shape)), shape);
  }
}

/** A parameter that starts as `value` everywhere. */
export function constant(shape: Shape, value: number): Parameter {
  const parameter = Parameter.zeros(shape);
  parameter.values.fill(value);
  return parameter;
}

export abstract class Module {
  /** True while training; layers such as dropout behave otherwise in evaluation. */
  training = true;

  /** A layer takes one input; a loss, the output and the target. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** Direct children by name. */
  namedChildren(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** Parameters of this module and of all below it, with dotted names: `conv1.weight`. */
  namedParameters(prefix = ''): [string, Parameter][] {
    const own = Object.entries(this)
      .filter((entry): entry is [string, Parameter] => entry[1] instanceof Parameter)
      .map(([name, parameter]): [string, Parameter] => [prefix + name, parameter]);
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedParameters(`${prefix}${name}.`)));
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** This module's state that is not learned, under PyTorch's names: what evaluation needs beside the parameters. */
  protected ownBuffers(): [string, Tensor][] {
    return [];
  }

  /** State that is not learned, of this module and of all below it, with dotted names: `1.running_mean`. */
  namedBuffers(prefix = ''): [string, Tensor][] {
    const own = this.ownBuffers().map(([name, buffer]): [string, Tensor] => [prefix + name, buffer]);
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedBuffers(`${prefix}${name}.`)));
  }

  /** Sets every gradient that exists to zero, in place. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) zeroGradient(parameter);
  }

  /** Switches this module and all below it to training (or, with false, to evaluation). */
  train(mode = true): this {
    this.training = mode;
    for (const [, child] of this.namedChildren()) child.train(mode);
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** What stands in the parentheses of a printed layer: `1, 6, kernel_size=(5, 5), stride=(1, 1)`. */
  extraRepr(): string {
    return '';
  }

  /** As PyTorch prints a module. */
  toString(): string {
    const name = this.constructor.name;
    const children = this.namedChildren();
    if (children.length === 0) return `${name}(${this.extraRepr()})`;
    const lines = children.map(([key, child]) => `  (${key}): ${child.toString().replaceAll('\n', '\n  ')}`);
    return `${name}(\n${lines.join('\n')}\n)`;
  }
}

/** Sets a parameter's gradient to zero, if it has one. */
export function zeroGradient(parameter: Tensor): void {
  parameter.grad?.zeroLater();
}
