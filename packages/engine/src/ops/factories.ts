// Makes tensors of random numbers, and of the numbers 0, 1, 2, …. Tensors of given values are made in tensor.ts.
import { checkOptions, checkShape } from '../argumentChecks.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { defaultGenerator, type Generator } from '../random.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { Tensor, type TensorOptions } from '../tensor.ts';
import { show } from '../validation.ts';

export interface RandomOptions extends TensorOptions {
  /** The generator of the values. Default: the generator that manualSeed seeds. */
  readonly generator?: Generator;
}

function checked(owner: string, shape: Shape, options: RandomOptions): Required<RandomOptions> {
  checkShape(owner, shape);
  checkOptions(owner, options, ['requiresGrad', 'generator']);
  return { generator: defaultGenerator(), requiresGrad: false, ...options };
}

/** Returns draws from the standard normal distribution. PyTorch draws the same numbers for the same seed. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  const { generator, requiresGrad } = checked('randn', shape, options);
  const storage = generator.normal_(backend().allocate(sizeOf(shape)));
  return new Tensor(storage, shape).requiresGrad_(requiresGrad);
}

/** Returns uniform draws from [0, 1). PyTorch draws the same numbers for the same seed. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const { generator, requiresGrad } = checked('rand', shape, options);
  const storage = generator.uniform_(backend().allocate(sizeOf(shape)));
  return new Tensor(storage, shape).requiresGrad_(requiresGrad);
}

/** Returns 0, 1, … n−1 as floats (torch.arange with a float as its end). @throws ArgumentError if n is negative or not a whole number */
export function arange(n: number, options: TensorOptions = {}): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError(`arange needs a whole number of elements, got ${show(n)}`);
  checkOptions('arange', options, ['requiresGrad']);
  const storage = backend().allocate(n);
  for (let i = 0; i < n; i++) storage[i] = i;
  return new Tensor(storage, [n]).requiresGrad_(options.requiresGrad ?? false);
}
