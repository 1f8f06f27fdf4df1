// Fills the weights of a new layer as PyTorch does (torch/nn/init.py and reset_parameters of its layers). The functions work on flat arrays
// and need only a layer's fan-in. The random numbers come from random.ts.
import type { FloatArray } from '../backend/backend.ts';
import { isOptions, notOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import { defaultGenerator, Generator } from '../random.ts';
import { show } from '../validation.ts';

/**
 * Fills the array with uniform draws between −bound and bound, where bound = √3 · √(2 / (1 + a²)) / √fanIn. This is
 * `nn.init.kaiming_uniform_(tensor, a)` with mode fan_in and the gain of leaky ReLU (He et al. 2015).
 * @param a the negative slope. The default √5, which the layers use, makes the bound 1/√fanIn.
 * @throws ArgumentError unless fanIn is a positive whole number
 */
export function kaimingUniform_<T extends FloatArray>(array: T, fanIn: number, generator: Generator, a = Math.sqrt(5)): T {
  if (!(Number.isSafeInteger(fanIn) && fanIn > 0)) {
    throw new ArgumentError(`a layer's fanIn must be a positive whole number, got ${fanIn}`);
  }
  // The order of operations is PyTorch's. Computing 1/√fanIn directly differs in the last bit, and some weights would differ too.
  const gain = Math.sqrt(2 / (1 + a * a));
  const bound = Math.sqrt(3) * (gain / Math.sqrt(fanIn));
  return generator.uniform_(array, -bound, bound);
}

/**
 * Does what `reset_parameters()` of Conv2d and Linear does: fills the weight by {@link kaimingUniform_}, then the bias, if there is one,
 * with uniform draws between −1/√fanIn and 1/√fanIn.
 * @param fanIn the number of inputs that each output sums: inChannels / groups · kernel height · kernel width for conv2d, inFeatures for
 * linear
 * @throws ArgumentError unless fanIn is a positive whole number
 */
export function initializeConvOrLinear(weight: FloatArray, bias: FloatArray | null, fanIn: number, generator: Generator): void {
  kaimingUniform_(weight, fanIn, generator);
  if (bias !== null) {
    const bound = 1 / Math.sqrt(fanIn);
    generator.uniform_(bias, -bound, bound);
  }
}

/**
 * Splits a layer's options into the generator of its initial values (default: the generator that manualSeed seeds) and the other options.
 * @param option the name of one option, as an example in the error message
 * @throws ArgumentError for anything but an object of options, and for a generator of another type
 */
export function withGenerator<Options extends { readonly generator?: Generator | undefined }>(
  owner: string,
  options: Options,
  option: string,
): { readonly generator: Generator; readonly given: Omit<Options, 'generator'> } {
  if (!isOptions(options)) throw notOptions(owner, options, option);
  const { generator = defaultGenerator(), ...given } = options;
  if (!(generator instanceof Generator)) throw new ArgumentError(`${owner}: generator must be a Generator, got ${show(generator)}`);
  return { generator, given };
}
