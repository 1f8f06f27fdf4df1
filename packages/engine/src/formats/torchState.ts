// Finds the state_dict in the pickle of a torch.save file: the names of its tensors, and where their numbers are in the file. The caller
// reads the zip and the numbers. (torch/serialization.py and torch/_utils.py define these pickles.)
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { show } from '../validation.ts';
import { elementBytes, type ElementType, elementTypesListed } from './elementTypes.ts';
import { readPickle } from './pickle.ts';
import { PickleError, PickleGlobal, type PickleHost, PickleObject, type PickleValue } from './pickleValues.ts';

/** The file does not contain weights that can be read. */
export class WeightsFileError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidWeightsFile', message, options);
  }
}

/** An array of numbers in the file. Several tensors may use the same storage. */
export interface TorchStorage {
  /** The storage is the file `data/<key>` in the archive. */
  readonly key: string;
  readonly elements: number;
}

/** A tensor as a view of a storage: element [i, j, …] is the storage's offset + i·strides[0] + j·strides[1] + …. */
export interface TorchTensor {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: Shape;
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface TorchState {
  readonly tensors: readonly TorchTensor[];
  /** The key of the state_dict in the file's dictionary. Null if that dictionary is itself the state_dict. */
  readonly entry: string | null;
}

/** PyTorch's number types, and our names of them. Null for types that are not supported. */
const numberTypes: Readonly<Record<string, ElementType | null>> = {
  float64: 'F64',
  double: 'F64',
  float32: 'F32',
  float: 'F32',
  float16: 'F16',
  half: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  long: 'I64',
  int32: null,
  int16: null,
  int8: null,
  uint64: null,
  uint32: null,
  uint16: null,
  uint8: null,
  bool: null,
  complex32: null,
  complex64: null,
  complex128: null,
  float8_e4m3fn: null,
  float8_e5m2: null,
  float8_e4m3fnuz: null,
  float8_e5m2fnuz: null,
};

/** The storage classes, by number type. A storage of bytes gets its number type from the tensor. */
const storageClasses: Readonly<Record<string, string>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  UntypedStorage: 'bytes',
};

/** The keys under which a checkpoint may contain the state_dict. */
const wrappers = ['state_dict', 'model_state_dict'] as const;

class StorageClass extends PickleGlobal {
  readonly type: string;

  constructor(name: string, type: string) {
    super(name);
    this.type = type;
  }
}

class NumberType extends PickleGlobal {}

/** The storage to which a persistent id refers. */
class FoundStorage extends PickleObject {
  readonly storage: TorchStorage;
  readonly type: string;

  constructor(storage: TorchStorage, type: string) {
    super();
    this.storage = storage;
    this.type = type;
  }
}

/** A tensor of any number type. An unsupported type is only an error if the tensor is used. */
class FoundTensor extends PickleObject {
  readonly source: FoundStorage;
  readonly type: string;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];

  constructor(source: FoundStorage, type: string, [offset, shape, strides]: readonly [number, Shape, readonly number[]]) {
    super();
    this.source = source;
    this.type = type;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const count = z.int().min(0);
const window = z.tuple([count, z.array(count).max(64), z.array(count).max(64)]);

/**
 * Makes a tensor from the arguments in the pickle.
 * @param flags a dictionary: if a flag is true, the numbers must be negated or conjugated, which is not supported
 */
function tensorOf(source: PickleValue, place: readonly PickleValue[], type: string | null, flags: PickleValue = null): FoundTensor {
  const parsed = window.safeParse(place);
  if (!(source instanceof FoundStorage) || !parsed.success || parsed.data[1].length !== parsed.data[2].length) {
    throw new PickleError('a tensor in it has arguments that do not fit');
  }
  if (flags instanceof Map && [...flags.values()].some((flag) => flag === true)) {
    throw new PickleError('a tensor in it is stored negated or conjugated: call .resolve_neg().resolve_conj() on it');
  }
  return new FoundTensor(source, type ?? source.type, parsed.data);
}

const passesOn = (name: string): PickleGlobal =>
  new PickleGlobal(name, ([value]) => {
    if (!(value instanceof FoundTensor)) throw new PickleError('a parameter in it is not a tensor');
    return value;
  });

/** The classes and functions that a pickle may name. */
const globals: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    new PickleGlobal('collections.OrderedDict', ([pairs = []]) => {
      if (!Array.isArray(pairs)) throw new PickleError('a dictionary in it is damaged');
      return new Map(pairs.map((pair) => (Array.isArray(pair) ? [pair[0] ?? null, pair[1] ?? null] : [null, null])));
    }),
    new PickleGlobal('torch.Size', ([sizes = []]) => sizes),
    new PickleGlobal('torch._utils._rebuild_tensor', ([storage = null, ...place]) => tensorOf(storage, place.slice(0, 3), null)),
    new PickleGlobal('torch._utils._rebuild_tensor_v2', ([storage = null, offset = null, size = null, stride = null, , , flags = null]) =>
      tensorOf(storage, [offset, size, stride], null, flags),
    ),
    new PickleGlobal(
      'torch._utils._rebuild_tensor_v3',
      ([storage = null, offset = null, size = null, stride = null, , , type = null, flags = null]) => {
        if (!(type instanceof NumberType)) throw new PickleError('a tensor in it has no type');
        return tensorOf(storage, [offset, size, stride], type.name.slice('torch.'.length), flags);
      },
    ),
    passesOn('torch._utils._rebuild_parameter'),
    passesOn('torch._utils._rebuild_parameter_with_state'),
    ...Object.keys(numberTypes).map((name) => new NumberType(`torch.${name}`)),
    ...Object.entries(storageClasses).flatMap(([name, type]) => [
      new StorageClass(`torch.${name}`, type),
      new StorageClass(`torch.storage.${name}`, type),
    ]),
  ].map((known) => [known.name, known]),
);

const saveStateDict = 'torch.save(model.state_dict(), "weights.pt")';

/** Matches modules that contain layers or networks. */
const ofModels = /^(__main__|torch\.nn|torchvision\.models|timm|transformers)\./;

const host: PickleHost = {
  global(name) {
    const known = globals.get(name);
    if (known !== undefined) return known;
    throw new WeightsFileError(
      ofModels.test(name)
        ? `the file contains a whole model (${name}), but only tensors can be read: use ${saveStateDict}`
        : `the file contains ${name}, but only tensors and dictionaries can be read: use ${saveStateDict}`,
    );
  },
  persistent(id) {
    const [kind, storage, key, , elements] = Array.isArray(id) ? id : [];
    if (kind !== 'storage' || !(storage instanceof StorageClass) || typeof key !== 'string' || !count.safeParse(elements).success) {
      throw new PickleError('a storage in it has arguments that do not fit');
    }
    return new FoundStorage({ key, elements: Number(elements) }, storage.type);
  },
};

/**
 * Returns the tensors of a state_dict and their places in the file.
 * @param pickle the file `data.pkl` of the archive
 * @throws WeightsFileError unless the file contains a state_dict of tensors with supported types
 */
export function readTorchState(pickle: Uint8Array): TorchState {
  let value: PickleValue;
  try {
    value = readPickle(pickle, host);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new WeightsFileError(`the file's data.pkl cannot be read: ${error.message}`, { cause: error });
  }
  if (!(value instanceof Map)) {
    const what = value instanceof FoundTensor ? 'one tensor without a name' : 'something that is not a dictionary';
    throw new WeightsFileError(`the file contains ${what}: use ${saveStateDict}`);
  }
  const entry = entryOf(value);
  const state = entry === null ? value : value.get(entry);
  if (!(state instanceof Map)) throw new WeightsFileError(`the file's entry ${show(entry)} is not a state_dict: use ${saveStateDict}`);
  if (state.size === 0) throw new WeightsFileError(`the file's state_dict is empty: use ${saveStateDict}`);
  return { entry, tensors: Array.from(state, ([name, tensor]) => checkedTensor(name, tensor)) };
}

/** Returns the key of the state_dict, or null if the dictionary is the state_dict. @throws WeightsFileError if this is unclear */
function entryOf(value: ReadonlyMap<PickleValue, PickleValue>): string | null {
  if ([...value.values()].every((each) => each instanceof FoundTensor)) return null;
  const found = wrappers.filter((name) => value.has(name));
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new WeightsFileError(
      `the file has two state_dicts, "${found.join('" and "')}": save only one of them, torch.save(checkpoint["${found[0]}"], "weights.pt")`,
    );
  }
  const nested = [...value].find(([, each]) => each instanceof Map && [...each.values()].some((inner) => inner instanceof FoundTensor));
  if (nested === undefined) return null;
  const names = [...value.keys()].slice(0, 10).map((key) => show(key));
  throw new WeightsFileError(
    `the file is a dictionary of ${names.join(', ')}: save only its weights, torch.save(checkpoint[${show(nested[0])}], "weights.pt")`,
  );
}

function checkedTensor(name: PickleValue, found: PickleValue): TorchTensor {
  if (name === '__metadata__' || name === '__proto__') throw new WeightsFileError(`a tensor cannot be named ${show(name)}: rename it`);
  if (typeof name !== 'string') throw new WeightsFileError(`the state_dict has the key ${show(name)}: its keys must be names`);
  if (!(found instanceof FoundTensor)) {
    throw new WeightsFileError(`the entry ${show(name)} of the state_dict is not a tensor: delete it before you save`);
  }
  const { shape, strides, offset, type, source } = found;
  const dtype = numberTypes[type] ?? null;
  if (dtype === null) throw new WeightsFileError(`tensor ${show(name)} is stored as ${type}: store it as ${elementTypesListed}`);
  const elements = sizeOf(shape);
  const last = shape.reduce((at, length, dim) => at + (length - 1) * strides[dim], offset);
  if (!Number.isSafeInteger(elements) || (elements > 0 && !(last < elementsOf(source, dtype)))) {
    throw new WeightsFileError(`tensor ${show(name)} reaches beyond its ${elementsOf(source, dtype)} stored numbers: the file is damaged`);
  }
  return { name, dtype, shape, storage: source.storage, offset, strides };
}

/** Returns the number of elements in a storage. A storage of bytes has its size in bytes. */
function elementsOf({ storage, type }: FoundStorage, dtype: ElementType): number {
  return type === 'bytes' ? Math.floor(storage.elements / elementBytes[dtype]) : storage.elements;
}
