// Reads the archive of torch.save: a zip with the pickle `data.pkl` and one uncompressed file for each storage. It finds the tensors and
// reads their numbers in pieces, row-major, whatever their strides are.
import type { FileHandle } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { elementBytes } from '../formats/elementTypes.ts';
import { readTorchState, type TorchState, type TorchTensor, WeightsFileError } from '../formats/torchState.ts';
import { sizeOf, stridesOf } from '../shape.ts';
import { show } from '../validation.ts';
import { BoundedZipReader } from './boundedZipReader.ts';
import { otherZip } from './otherWeightFiles.ts';

/** A tensor whose numbers can be read. */
export interface StoredTorchTensor extends Pick<TorchTensor, 'name' | 'dtype' | 'shape'> {
  readonly elements: number;
  /** @param file the archive; @param pieceBytes the largest piece, a multiple of 8 */
  readonly read: (file: FileHandle, pieceBytes: number) => AsyncGenerator<Uint8Array, void, void>;
}

export interface TorchFile {
  readonly tensors: readonly StoredTorchTensor[];
  /** See `entry` of {@link TorchState}. */
  readonly entry: string | null;
}

const MOST_FILES = 100_000;
const MOST_PICKLE_BYTES = 4_000_000;
/**
 * A tensor whose numbers are not in row-major order in the file is reordered in memory. This is the maximum size of its numbers in the
 * file, in bytes.
 */
const MOST_GATHERED_BYTES = 256 * 2 ** 20;

/**
 * Reads the list of tensors.
 * @param file the archive, which stays open
 * @throws WeightsFileError if the archive has no state_dict
 */
export async function openTorchFile(file: FileHandle, size: number): Promise<TorchFile> {
  const reader = new BoundedZipReader(file, size);
  const zip = await ofZip(() => yauzl.fromRandomAccessReaderPromise(reader, size, { autoClose: false, lazyEntries: true }));
  try {
    const entries = await entriesOf(zip);
    const { root, state } = await stateOf(zip, entries);
    const starts = new Map<string, number>();
    const tensors: StoredTorchTensor[] = [];
    for (const tensor of state.tensors) {
      const { key } = tensor.storage;
      const entry = entries.get(`${root}data/${key}`);
      checkStorage(tensor, entry, size);
      let start = starts.get(key);
      if (start === undefined) {
        start = (await ofZip(() => zip.readLocalFileHeaderPromise(entry, { minimal: true }))).fileDataStart;
        starts.set(key, start);
      }
      tensors.push(stored(tensor, start));
    }
    return { entry: state.entry, tensors };
  } finally {
    zip.close();
  }
}

/** Returns the files in the zip by their names. */
async function entriesOf(zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  if (zip.entryCount > MOST_FILES)
    throw new WeightsFileError(`the archive holds ${zip.entryCount} files, and at most ${MOST_FILES} are read`);
  const entries = new Map<string, Entry>();
  await ofZip(async () => {
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  });
  return entries;
}

/** Returns the archive's only folder, and the content of its pickle. */
async function stateOf(zip: ZipFile, entries: ReadonlyMap<string, Entry>): Promise<{ readonly root: string; readonly state: TorchState }> {
  const names = [...entries.keys()];
  const pickle = names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw new WeightsFileError(otherZip(names));
  const root = pickle.slice(0, pickle.indexOf('/') + 1);
  if (entries.has(`${root}constants.pkl`)) {
    throw new WeightsFileError(
      'the file is a program of torch.jit: save its weights, torch.save(torch.jit.load("model.pt").state_dict(), "weights.pt")',
    );
  }
  const read = async (name: string, most: number): Promise<Buffer | null> => {
    const entry = entries.get(root + name);
    if (entry === undefined) return null;
    if (entry.uncompressedSize > most)
      throw new WeightsFileError(`the archive's ${name} has ${entry.uncompressedSize} bytes, and at most ${most} are read`);
    return await ofZip(async () => await buffer(await zip.openReadStreamPromise(entry)));
  };
  const byteOrder = await read('byteorder', 100);
  if (byteOrder?.toString('latin1').trim() === 'big') {
    throw new WeightsFileError('the file was written by a big-endian machine: load it with PyTorch on another one and save it again');
  }
  return { root, state: readTorchState((await read('data.pkl', MOST_PICKLE_BYTES)) ?? new Uint8Array()) };
}

/** @throws WeightsFileError if the archive does not contain all numbers of the tensor, uncompressed */
function checkStorage(tensor: TorchTensor, entry: Entry | undefined, fileBytes: number): asserts entry is Entry {
  const name = show(tensor.name);
  if (entry === undefined) throw new WeightsFileError(`the numbers of tensor ${name} are missing: the archive is damaged, save it again`);
  if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
    throw new WeightsFileError('the archive was packed again, compressed or encrypted: send the file that torch.save wrote');
  }
  const end = windowOf(tensor) * elementBytes[tensor.dtype];
  if (end > entry.uncompressedSize || entry.uncompressedSize > fileBytes) {
    throw new WeightsFileError(`the numbers of tensor ${name} are cut off: the archive is damaged, save it again`);
  }
}

/** Returns how many numbers of its storage a tensor needs, counted from the first number of the storage. */
function windowOf({ shape, strides, offset }: TorchTensor): number {
  return sizeOf(shape) === 0 ? 0 : 1 + shape.reduce((last, length, dim) => last + (length - 1) * strides[dim], offset);
}

/** @param start the position of the storage in the archive, in bytes */
function stored(tensor: TorchTensor, start: number): StoredTorchTensor {
  const { name, dtype, shape, offset } = tensor;
  const width = elementBytes[dtype];
  const elements = sizeOf(shape);
  const begin = start + offset * width;
  if (isContiguous(tensor)) {
    return { name, dtype, shape, elements, read: (file, pieceBytes) => filePieces(file, begin, begin + elements * width, pieceBytes) };
  }
  const windowBytes = (windowOf(tensor) - offset) * width;
  if (windowBytes > MOST_GATHERED_BYTES) {
    throw new WeightsFileError(`tensor ${show(name)} is not contiguous and larger than 256 MiB: call .contiguous() before you save`);
  }
  return {
    name,
    dtype,
    shape,
    elements,
    async *read(file, pieceBytes) {
      const window = Buffer.alloc(windowBytes);
      await readFully(file, window, begin);
      yield* gathered(window, tensor, pieceBytes);
    },
  };
}

/** Returns whether the numbers of the tensor are in row-major order without gaps. The stride of a dimension of size 1 does not matter. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  const wanted = stridesOf(shape);
  return sizeOf(shape) === 0 || shape.every((length, dim) => length === 1 || strides[dim] === wanted[dim]);
}

/** Yields the bytes of a file from `start` up to but not including `end`, in pieces of `pieceBytes`. */
export async function* filePieces(
  file: FileHandle,
  start: number,
  end: number,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, void> {
  for (let at = start; at < end; at += pieceBytes) {
    const piece = Buffer.alloc(Math.min(pieceBytes, end - at));
    await readFully(file, piece, at);
    yield piece;
  }
}

async function readFully(file: FileHandle, into: Buffer, position: number): Promise<void> {
  const { bytesRead } = await file.read(into, 0, into.length, position);
  if (bytesRead < into.length) throw new WeightsFileError(`the file ends at byte ${position + bytesRead}, amid its numbers: save it again`);
}

/** Yields the tensor's numbers in row-major order. @param window the storage, from the first number of the tensor on */
function* gathered(
  window: Buffer<ArrayBuffer>,
  { dtype, shape, strides }: TorchTensor,
  pieceBytes: number,
): Generator<Uint8Array, void, void> {
  const width = elementBytes[dtype];
  // Numbers are copied as bits. A number of eight bytes is two words, any other number is one word.
  const Words = width === 2 ? Uint16Array : Uint32Array;
  const perNumber = width / Words.BYTES_PER_ELEMENT;
  const source = new Words(window.buffer, window.byteOffset, window.length / Words.BYTES_PER_ELEMENT);
  const elements = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let done = 0; done < elements; ) {
    const count = Math.min(pieceBytes / width, elements - done);
    const piece = new Words(count * perNumber);
    for (let to = 0; to < piece.length; to += perNumber, done++) {
      for (let word = 0; word < perNumber; word++) piece[to + word] = source[from * perNumber + word];
      for (let dim = shape.length - 1; dim >= 0; dim--) {
        index[dim] += 1;
        from += strides[dim];
        if (index[dim] < shape[dim]) break;
        from -= strides[dim] * shape[dim];
        index[dim] = 0;
      }
    }
    yield new Uint8Array(piece.buffer);
  }
}

/** Runs an operation on the zip. An error of the zip reader becomes an error of the file. */
async function ofZip<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Errors of the zip reader have no code.
    if (!(error instanceof Error) || 'code' in error) throw error;
    throw new WeightsFileError(`the archive cannot be read: ${error.message}; send the file that torch.save wrote`, { cause: error });
  }
}
