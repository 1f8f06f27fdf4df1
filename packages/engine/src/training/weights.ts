// Saves and loads the weights of a network: their names, and their encoding as a safetensors file. fitWeights.ts checks whether a list of
// tensors fits a network.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { EngineError } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors, type NamedArray, type SafetensorsFile } from '../formats/safetensors.ts';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { type Note, notesOfFile, notesOfFit } from './fitNotes.ts';
import { type FitOptions, fittedName, fitWeights } from './fitWeights.ts';

/** The weights do not fit the network. The error has all differences. */
export class WeightsError extends EngineError {
  /** A sentence with the number of tensors that fit, then one sentence for each tensor that does not fit. */
  readonly mismatches: readonly string[];

  constructor(mismatches: readonly string[]) {
    super('weightsMismatch', `the weights do not fit the model: ${mismatches.join('; ')}`);
    this.mismatches = mismatches;
  }
}

/** The initial weights have a number that is not finite. */
export class NonFiniteWeightsError extends EngineError {
  constructor(found: string) {
    super('nonFiniteWeights', `the initial weights are not finite: ${found}; use other weights`);
  }
}

/** Returns the parameters and buffers of a network. They have the same names as in PyTorch's state_dict. */
export function namedWeights(model: Module): readonly (readonly [string, Tensor])[] {
  return [...model.namedParameters(), ...model.namedBuffers()];
}

/**
 * Returns the weights as a safetensors file that PyTorch can read. Weights are float32, and counters int64.
 * @param engineVersion the engine version that computed the weights. Default: the version of the current backend
 * @param metadata other entries of the file's metadata. Default: none
 */
export function encodeWeights(
  model: Module,
  engineVersion = backend().engineVersion,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  const tensors = namedWeights(model).map(([name, { shape, storage }]) => ({
    name,
    shape,
    data: storage instanceof Int32Array ? BigInt64Array.from(storage, BigInt) : float32(storage),
  }));
  return encodeSafetensors(tensors, { format: 'pt', engineVersion, ...metadata });
}

/** Returns numbers as float32. A float32 array is returned without a copy, because weights can be large. */
function float32(storage: FloatArray): Float32Array {
  return storage instanceof Float32Array ? storage : Float32Array.from(storage);
}

/**
 * Copies stored tensors into the network. If all names have the prefix `module.` and fit without it, it is removed. A missing
 * `num_batches_tracked` is set to 0.
 * @param tensors the tensors in any order, or a safetensors file
 * @param options `allowMissing`: whether tensors of the network may be missing, which then keep their values; default false.
 *   `names`: the weights' names in torchvision, if the tensors may have these
 * @returns one sentence for each change that made the tensors fit. Empty if they fit as they are
 * @throws WeightsError if the tensors do not fit. It lists all missing and unknown names and all wrong shapes, and the network is not
 *   changed.
 * @throws SafetensorsError if the file is invalid
 */
export function loadWeights(model: Module, tensors: readonly NamedArray[] | Uint8Array, options: FitOptions = {}): readonly string[] {
  return loadNotedWeights(model, tensors, options).map(({ message }) => message);
}

/** Does the same as {@link loadWeights}. @returns the sentences as lines of a log */
export function loadNotedWeights(model: Module, tensors: readonly NamedArray[] | Uint8Array, options: FitOptions): readonly Note[] {
  const { tensors: stored, metadata } = tensors instanceof Uint8Array ? decodeSafetensors(tensors) : { tensors, metadata: {} };
  const wanted = namedWeights(model);
  const fit = fitWeights(
    wanted.map(([name, { shape }]) => ({ name, shape })),
    stored.map(({ name, shape, data }) => ({ name, shape, isWhole: data instanceof BigInt64Array })),
    options,
  );
  if (fit.mismatches.length > 0) throw new WeightsError(fit.mismatches);
  const nameOf = fittedName(fit, options.names);
  const given = new Map(stored.map((tensor) => [nameOf(tensor.name), tensor.data]));
  const kept = new Set(fit.kept);
  for (const [name, tensor] of wanted) {
    if (kept.has(name)) continue;
    const data = given.get(name);
    if (data === undefined) tensor.storage.fill(0);
    else tensor.storage.set(data instanceof BigInt64Array ? Array.from(data, Number) : data);
    tensor.version.count += 1;
  }
  return [...notesOfFile(metadata), ...notesOfFit(fit, wanted.length)];
}

/** @throws NonFiniteWeightsError if a number of the network is not finite */
export function checkFiniteWeights(model: Module): void {
  for (const [name, { storage }] of namedWeights(model)) {
    const index = storage.findIndex((value) => !Number.isFinite(value));
    if (index === -1) continue;
    throw new NonFiniteWeightsError(`the number at index ${index} of "${name}" is ${storage[index]}`);
  }
}
