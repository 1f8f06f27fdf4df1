// A network's weights out and in: which tensors they are, under which names, and what of a list of tensors does not fit a
// network. It knows no file's whereabouts.
import { backend } from '../backend/current.ts';
import { EngineError } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors, type NamedArray, type SafetensorsFile } from '../formats/safetensors.ts';
import type { Module } from '../nn/module.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Weights that are not this network's, with everything that is wrong with them. */
export class WeightsError extends EngineError {
  /** One sentence a tensor. */
  readonly mismatches: readonly string[];

  constructor(mismatches: readonly string[]) {
    super('weightsMismatch', `the weights do not fit the model: ${mismatches.join('; ')}`);
    this.mismatches = mismatches;
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
    data: storage instanceof Int32Array ? BigInt64Array.from(storage, BigInt) : Float32Array.from(storage),
  }));
  return encodeSafetensors(tensors, { format: 'pt', engineVersion });
}

/** What a tensor is called and its shape, without its values. */
export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** What of the given tensors does not fit the wanted ones, one sentence a tensor; nothing, when they fit. */
export function weightMismatches(wanted: readonly NamedShape[], given: readonly NamedShape[]): string[] {
  const shapes = new Map(given.map(({ name, shape }) => [name, shape]));
  const mismatches: string[] = [];
  for (const { name, shape } of wanted) {
    const found = shapes.get(name);
    if (found === undefined) mismatches.push(`"${name}" ${formatShape(shape)} is missing`);
    else if (!sameShape(found, shape)) mismatches.push(`"${name}" has shape ${formatShape(found)}, the model's has ${formatShape(shape)}`);
  }
  const known = new Set(wanted.map(({ name }) => name));
  for (const name of shapes.keys()) if (!known.has(name)) mismatches.push(`"${name}" is not in the model`);
  return mismatches;
}

/**
 * Writes stored tensors into the network's own.
 * @param tensors in any order, or a whole safetensors file.
 * @throws WeightsError that lists every name that is missing or not known and every shape that is another; the network is
 *   then unchanged. @throws SafetensorsError for bytes that are no such file.
 */
export function loadWeights(model: Module, tensors: readonly NamedArray[] | Uint8Array): void {
  const stored = tensors instanceof Uint8Array ? decodeSafetensors(tensors).tensors : tensors;
  const wanted = namedWeights(model);
  const mismatches = weightMismatches(
    wanted.map(([name, { shape }]) => ({ name, shape })),
    stored,
  );
  if (mismatches.length > 0) throw new WeightsError(mismatches);
  const given = new Map(stored.map((tensor) => [tensor.name, tensor]));
  for (const [name, tensor] of wanted) {
    const found = given.get(name);
    if (found === undefined) continue;
    tensor.storage.set(found.data instanceof BigInt64Array ? Array.from(found.data, Number) : found.data);
    tensor.version.count += 1;
  }
}
