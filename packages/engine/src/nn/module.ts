// The base class of layers and networks. As in PyTorch's nn.Module, parameters and child modules are found in an object's own fields, in
// the order in which they were assigned.

import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { formatTensor } from '../print.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** A tensor that is learned. It requires gradients, and it stays valid after an arena ends. */
export class Parameter extends Tensor {
  constructor(storage: FloatArray, shape: Shape) {
    super(storage, shape, null);
    this.requiresGrad = true;
  }

  /** Returns the text that PyTorch prints. */
  override toString(): string {
    return `Parameter containing:\n${formatTensor(this)}`;
  }

  /** Returns a parameter of zeros. Set its initial values through `values`. */
  static zeros(shape: Shape): Parameter {
    return new Parameter(backend().allocatePersistent(sizeOf(shape)), shape);
  }
}

/** Returns a parameter with `value` in every element. */
export function constant(shape: Shape, value: number): Parameter {
  const parameter = Parameter.zeros(shape);
  parameter.values.fill(value);
  return parameter;
}

export abstract class Module {
  /** Whether the module is in training mode. Some layers, such as dropout, compute something else in evaluation mode. */
  training = true;

  /** Computes the output. A layer takes one input. A loss takes the output of the network and the target. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** Returns the direct children by name. */
  namedChildren(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** Returns the parameters of this module and of all modules in it, by dotted name: `conv1.weight`. */
  namedParameters(prefix = ''): [string, Parameter][] {
    const own = Object.entries(this)
      .filter((entry): entry is [string, Parameter] => entry[1] instanceof Parameter)
      .map(([name, parameter]): [string, Parameter] => [prefix + name, parameter]);
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedParameters(`${prefix}${name}.`)));
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Returns this module's state that is not learned but needed in evaluation, by PyTorch's names. Child modules are not included. */
  protected ownBuffers(): [string, Tensor][] {
    return [];
  }

  /** Returns the state that is not learned, of this module and of all modules in it, by dotted name: `1.running_mean`. */
  namedBuffers(prefix = ''): [string, Tensor][] {
    const own = this.ownBuffers().map(([name, buffer]): [string, Tensor] => [prefix + name, buffer]);
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedBuffers(`${prefix}${name}.`)));
  }

  /** Sets all existing gradients to zero, in place. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) zeroGradient(parameter);
  }

  /** Switches this module and all modules in it to training mode, or to evaluation mode if `mode` is false. */
  train(mode = true): this {
    this.training = mode;
    for (const [, child] of this.namedChildren()) child.train(mode);
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Returns the text between the parentheses of a printed layer: `1, 6, kernel_size=(5, 5), stride=(1, 1)`. */
  extraRepr(): string {
    return '';
  }

  /** Returns the text that PyTorch prints for a module. */
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
