// A network's weights out and in: which tensors they are and under which names. Whether a list of tensors fits a network is
// fitWeights.ts's to say. It opens no file.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { EngineError } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors, type NamedArray, type SafetensorsFile } from '../formats/safetensors.ts';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { fitWeights, notesOfFit, notesOfRenamed } from './fitWeights.ts';

/** Weights that do not fit this network, with everything that is wrong with them. */
export class WeightsError extends EngineError {
  /** How many fit, then one sentence a tensor. */
  readonly mismatches: readonly string[];

  constructor(mismatches: readonly string[]) {
    super('weightsMismatch', `the weights do not fit the model: ${mismatches.join('; ')}`);
    this.mismatches = mismatches;
  }
}

/** Weights that no run can begin with. */
export class NonFiniteWeightsError extends EngineError {
  constructor(found: string) {
    super('nonFiniteWeights', `the initial weights are not finite: ${found}; begin with other weights`);
  }
}

/** All that a network has learned, by name: parameters and buffers, named as in PyTorch's state_dict. */
export function namedWeights(model: Module): readonly (readonly [string, Tensor])[] {
  return [...model.namedParameters(), ...model.namedBuffers()];
}

/**
 * The weights as a safetensors file in float32, counts in int64, as PyTorch has and reads them.
 * @param engineVersion of what computed them; default the backend in force.
 */
export function encodeWeights(model: Module, engineVersion = backend().engineVersion): SafetensorsFile {
  const tensors = namedWeights(model).map(([name, { shape, storage }]) => ({
    name,
    shape,
    data: storage instanceof Int32Array ? BigInt64Array.from(storage, BigInt) : float32(storage),
  }));
  return encodeSafetensors(tensors, { format: 'pt', engineVersion });
}

/** Returns numbers as float32. A float32 array is returned without a copy, because weights can be large. */
function float32(storage: FloatArray): Float32Array {
  return storage instanceof Float32Array ? storage : Float32Array.from(storage);
}

/**
 * Writes stored tensors into the network's own. A prefix `module.` of all names is removed where that makes them fit, and a missing
 * `num_batches_tracked` counts as 0.
 * @param tensors in any order, or a whole safetensors file.
 * @returns what was done to make them fit, a sentence each; nothing for tensors that fit as they are.
 * @throws WeightsError that lists every name that is missing or not known and every shape that is another; the network is
 *   then unchanged. @throws SafetensorsError for bytes that are no such file.
 */
export function loadWeights(model: Module, tensors: readonly NamedArray[] | Uint8Array): readonly string[] {
  const { tensors: stored, metadata } = tensors instanceof Uint8Array ? decodeSafetensors(tensors) : { tensors, metadata: {} };
  const wanted = namedWeights(model);
  const fit = fitWeights(
    wanted.map(([name, { shape }]) => ({ name, shape })),
    stored.map(({ name, shape, data }) => ({ name, shape, isWhole: data instanceof BigInt64Array })),
  );
  if (fit.mismatches.length > 0) throw new WeightsError(fit.mismatches);
  const given = new Map(stored.map((tensor) => [tensor.name.slice(fit.prefix.length), tensor.data]));
  for (const [name, tensor] of wanted) {
    const data = given.get(name);
    if (data === undefined) tensor.storage.fill(0);
    else tensor.storage.set(data instanceof BigInt64Array ? Array.from(data, Number) : data);
    tensor.version.count += 1;
  }
  return [...notesOfRenamed(metadata), ...notesOfFit(fit)];
}

/** @throws NonFiniteWeightsError when a number of the network is not finite. */
export function checkFiniteWeights(model: Module): void {
  for (const [name, { storage }] of namedWeights(model)) {
    const index = storage.findIndex((value) => !Number.isFinite(value));
    if (index === -1) continue;
    throw new NonFiniteWeightsError(`the number at index ${index} of "${name}" is ${storage[index]}`);
  }
}
