// How PyTorch fills the weights of a fresh layer (torch/nn/init.py and the layers' reset_parameters), on flat arrays.
// Not where draws come from: that is random.ts; and it knows no layer, only its fan in.
import type { FloatArray } from '../backend/backend.ts';
import { isOptions, notOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import { defaultGenerator, Generator } from '../random.ts';
import { show } from '../validation.ts';

/**
 * `nn.init.kaiming_uniform_(tensor, a)` with mode fan_in and leaky ReLU's gain (He et al. 2015): uniform on ±bound,
 * bound = √3 · √(2 / (1 + a²)) / √fanIn.
 * @param a the negative slope; the default √5, which the layers use, makes the bound 1/√fanIn.
 * @throws ArgumentError unless fanIn is a positive whole number.
 */
export function kaimingUniform_<T extends FloatArray>(array: T, fanIn: number, generator: Generator, a = Math.sqrt(5)): T {
  if (!(Number.isSafeInteger(fanIn) && fanIn > 0)) {
    throw new ArgumentError(`a layer's fan in is a positive whole number, got ${fanIn}`);
  }
  // PyTorch's own order of operations: 1/√fanIn differs in the last bit, and so would some weights.
  const gain = Math.sqrt(2 / (1 + a * a));
  const bound = Math.sqrt(3) * (gain / Math.sqrt(fanIn));
  return generator.uniform_(array, -bound, bound);
}

/**
 * `reset_parameters()` of Conv2d and Linear: the weight by {@link kaimingUniform_}, then the bias, if there is one,
 * uniform on ±1/√fanIn.
 * @param fanIn inputs that each output sums over: in / groups · kernel height · width of a conv2d, inFeatures of a linear.
 * @throws ArgumentError unless fanIn is a positive whole number.
 */
export function initializeConvOrLinear(weight: FloatArray, bias: FloatArray | null, fanIn: number, generator: Generator): void {
  kaimingUniform_(weight, fanIn, generator);
  if (bias !== null) {
    const bound = 1 / Math.sqrt(fanIn);
    generator.uniform_(bias, -bound, bound);
  }
}

/**
 * A layer's options, and the generator of its initial values: the given one, otherwise the one that manualSeed seeds.
 * @param option one of its options, for the message. @throws ArgumentError for wrong options or a wrong generator.
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
