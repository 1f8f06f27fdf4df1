// Writes and reads a whole dataset as one NPZ file of NumPy: a zip of NPY arrays without compression. Because it is not compressed, it can
// be written in pieces and read without a copy. Uploaded data is stored, trained on and exported in this form. The reader accepts only
// files that this module wrote.
import { Zip, ZipPassThrough } from 'fflate';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import { type Dataset, sharableBytes, type Splits, type Target } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';
import { type NpyArray, parseNpy } from './npy.ts';
import { arraysOf, EPOCH, encodeNpy, encodeNpyText } from './npyWriter.ts';
import type { UploadedContent, UploadPreparation } from './uploadedContent.ts';

/**
 * Yields the pieces of the file: `train_inputs`, `train_targets`, `test_inputs`, `test_targets` and `classes`, the names of the classes.
 * Arrays that the dataset does not have are left out.
 * @param preparation how a table or images were prepared. It is a part of the file (`table` or `images`: UTF-8 of its JSON), so that the
 *   file's digest covers it.
 */
export function* npzPieces({ train, test }: Splits, preparation: UploadPreparation = {}): Generator<Uint8Array, void, void> {
  let pieces: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error !== null) throw error;
    pieces.push(piece);
  });
  const members = [
    ...arraysOf('train', train),
    ...(test === null ? [] : arraysOf('test', test)),
    ...(train.target.kind === 'class' ? [{ name: 'classes.npy', encode: () => encodeNpyText(classesOf(train.target)) }] : []),
    ...(['table', 'images'] as const).flatMap((name) => {
      const prepared = preparation[name];
      return prepared === undefined
        ? []
        : [{ name: `${name}.npy`, encode: () => encodeBytes(new TextEncoder().encode(JSON.stringify(prepared))) }];
    }),
  ];
  for (const { name, encode } of members) {
    const member = new ZipPassThrough(name);
    member.mtime = EPOCH;
    zip.add(member);
    member.push(encode(), true);
    yield* pieces;
    pieces = [];
  }
  zip.end();
  yield* pieces;
}

const encodeBytes = (bytes: Uint8Array): Uint8Array => encodeNpy([bytes.length], bytes);

const classesOf = (target: Target): readonly string[] => (target.kind === 'class' ? target.classes : []);

/** The maximum number of characters of a table's preparation that are kept in a spec. */
const TABLE_CHARACTERS = 256 * 1024;

/**
 * Returns the content of a dataset for specs. `sha256` is the hash of the NPZ file. The preparation of a table is left out if it is very
 * long.
 */
export function contentOf({ train, test }: Splits, sha256: string, { table, images }: UploadPreparation = {}): UploadedContent {
  const { inputShape, inputs, target, length } = train;
  return {
    sha256,
    inputType: inputs instanceof Uint8Array ? 'uint8' : 'float32',
    inputShape,
    classes: target.kind === 'class' ? target.classes : null,
    targetShape: target.kind === 'class' ? null : target.shape,
    trainSamples: length,
    testSamples: test?.length ?? 0,
    ...(table !== undefined && JSON.stringify(table).length <= TABLE_CHARACTERS && { table }),
    ...(images !== undefined && { images }),
  };
}

/** Reads a dataset from its NPZ file. @throws DataFormatError if the file is damaged or differs from `content` */
export function readNpz(file: NamedBytes, content: UploadedContent): Splits {
  const members = membersOf(file);
  const array = (name: string): NpyArray => {
    const bytes = members.get(`${name}.npy`);
    if (bytes === undefined) throw new DataFormatError(`${file.name}: has no array ${JSON.stringify(name)}`);
    return parseNpy({ name: `${file.name}/${name}.npy`, bytes });
  };
  const split = (part: string, length: number): Dataset => ({
    length,
    inputShape: content.inputShape,
    inputs: inputsOf(`${file.name}/${part}_inputs.npy`, array(`${part}_inputs`), [length, ...content.inputShape], content),
    target: content.classes === null ? { kind: 'values', shape: content.targetShape ?? [1] } : { kind: 'class', classes: content.classes },
    targets: targetsOf(`${file.name}/${part}_targets.npy`, array(`${part}_targets`), length, content),
  });
  return { train: split('train', content.trainSamples), test: content.testSamples === 0 ? null : split('test', content.testSamples) };
}

function inputsOf(name: string, array: NpyArray, shape: Shape, { inputType }: UploadedContent): Dataset['inputs'] {
  checkArray(name, array, inputType === 'uint8' ? '|u1' : '<f4', shape);
  return array.type === '|u1' ? array.data : floatsOf(array);
}

function targetsOf(name: string, array: NpyArray, length: number, { classes, targetShape }: UploadedContent): Dataset['targets'] {
  if (classes === null) {
    checkArray(name, array, '<f4', [length, ...(targetShape ?? [1])]);
    return floatsOf(array);
  }
  checkArray(name, array, array.type === '|u1' ? '|u1' : '<i8', [length]);
  const targets = array.type === '|u1' ? array.data : wholeNumbersOf(array);
  const wrong = targets.findIndex((label) => label < 0 || label >= classes.length);
  if (wrong !== -1) throw new DataFormatError(`${name}: the label of sample ${wrong} is none of the ${classes.length} classes`);
  return targets;
}

function checkArray(name: string, { type, shape }: NpyArray, wantedType: string, wantedShape: Shape): void {
  if (type === wantedType && sameShape(shape, wantedShape)) return;
  throw new DataFormatError(
    `${name}: expected ${wantedType} of shape ${formatShape(wantedShape)}, got ${type} of shape ${formatShape(shape)}: is this the file of another dataset?`,
  );
}

/** Returns a copy at an aligned address. Typed arrays need an aligned address, but a file in a zip can begin at any address. */
function floatsOf({ data }: NpyArray): Float32Array {
  const copy = sharableBytes(data.length);
  copy.set(data);
  return new Float32Array(copy.buffer);
}

/** Returns little-endian 64-bit numbers as 32-bit numbers. A number that does not fit becomes -1, which is not a valid class. */
function wholeNumbersOf({ data }: NpyArray): Int32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const numbers = new Int32Array(sharableBytes(data.length / 2).buffer);
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getInt32(8 * i + 4, true) === 0 ? view.getInt32(8 * i, true) : -1;
  return numbers;
}

const END = { signature: 0x06054b50, bytes: 22 };
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const LOCAL_BYTES = 30;

/** The place of a member's bytes in the file. */
export interface NpzPlace {
  readonly start: number;
  readonly size: number;
}

/** Returns views of the members by name. */
function membersOf(file: NamedBytes): ReadonlyMap<string, Uint8Array> {
  const places = npzPlaces(file, file.bytes.length);
  return new Map(Array.from(places, ([name, { start, size }]) => [name, file.bytes.subarray(start, start + size)]));
}

/**
 * Returns the places of the members, read from the zip's directory (APPNOTE.TXT §4.3). The file must be written by this module: no member
 * is compressed, and no extra field follows its name.
 * @param tail the end of the file, with the whole directory
 * @param fileBytes the size of the whole file
 * @throws DataFormatError if the directory is damaged
 */
export function npzPlaces({ name, bytes }: NamedBytes, fileBytes: number): ReadonlyMap<string, NpzPlace> {
  const offset = fileBytes - bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const damaged = (at: number): DataFormatError => new DataFormatError(`${name}: is damaged at byte ${at}: fetch it again`);
  const end = bytes.length - END.bytes;
  if (end < 0 || view.getUint32(end, true) !== END.signature) throw damaged(Math.max(0, end));
  const places = new Map<string, NpzPlace>();
  let at = view.getUint32(end + 16, true) - offset;
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (at < 0 || at + ENTRY.bytes > end || view.getUint32(at, true) !== ENTRY.signature) throw damaged(at);
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const start = view.getUint32(at + 42, true) + LOCAL_BYTES + nameLength;
    if (view.getUint16(at + 10, true) !== 0 || start + size > end + offset) throw damaged(at + offset);
    // TextDecoder does not accept shared memory, so the bytes are copied.
    places.set(new TextDecoder().decode(bytes.slice(at + ENTRY.bytes, at + ENTRY.bytes + nameLength)), { start, size });
    at += ENTRY.bytes + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return places;
}

/** Returns a Python function for exported scripts. It reads one array from the file of the dataset `id`. */
export const pythonReadNpz = (id: string, file: string): string => `
def read(name):
    file = args.data / "${id}" / "${file}"
    if not file.exists():
        raise SystemExit(f"{file} is missing: download it with GET /datasets/${id}/export of Trainyard")
    return torch.from_numpy(np.load(file)[name])
`;
