// Weights from a file that a user sent: a safetensors file, or a state_dict of torch.save, which becomes a safetensors file. Every
// number is looked at once, in pieces, so that a file of gigabytes takes little memory. Nothing in it is run.
import { type FileHandle, open } from 'node:fs/promises';
import { KIND_HEAD_BYTES } from '../data/fileKinds/index.ts';
import { elementBytes, firstUnusable } from '../formats/elementTypes.ts';
import {
  checkedHeaderBytes,
  type ListedTensor,
  listSafetensors,
  SAFETENSORS_LENGTH_BYTES,
  safetensorsLayout,
} from '../formats/safetensors.ts';
import { WeightsFileError } from '../formats/torchState.ts';
import { commonPrefix } from '../training/fitWeights.ts';
import { show } from '../validation.ts';
import { otherWeightFile } from './otherWeightFiles.ts';
import { filePieces, openTorchFile } from './torchFile.ts';

/** Something that was decided about a file, and why. */
export interface TakenDecision {
  readonly field: string;
  readonly value: string;
  readonly reason: string;
}

export interface WeightsFile {
  /** Of a safetensors file with these tensors. */
  readonly path: string;
  readonly tensors: readonly ListedTensor[];
  readonly taken: readonly TakenDecision[];
}

export interface WeightsFileOptions {
  /** Where a safetensors file may be written. */
  readonly converted: string;
  /** Of the safetensors file. */
  readonly maxBytes: number;
}

/** Thousands of tensors fit; a longer header takes long to read. */
const MOST_HEADER_BYTES = 4_000_000;

/** Numbers are looked at in pieces of so many bytes, which every width divides. */
const PIECE_BYTES = 2 ** 20;

/**
 * Checks a file of weights, numbers included.
 * @throws WeightsFileError or SafetensorsError that says what is wrong with it and what to do
 */
export async function readWeightsFile(path: string, options: WeightsFileOptions): Promise<WeightsFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(KIND_HEAD_BYTES, size));
    await file.read(head, 0, head.length, 0);
    const read =
      head[0] === 0x50 && head[1] === 0x4b ? await convertTorch(file, size, options) : await checkSafetensors(file, path, head, size);
    return { ...read, taken: [...read.taken, ...prefixOf(read.tensors)] };
  } finally {
    await file.close();
  }
}

async function checkSafetensors(file: FileHandle, path: string, head: Buffer, size: number): Promise<WeightsFile> {
  // A header is a JSON object. What does not begin like one may be a file of a kind that is known.
  const other = head[SAFETENSORS_LENGTH_BYTES] === 0x7b ? null : otherWeightFile(head);
  if (other !== null) throw new WeightsFileError(other);
  const header = Buffer.alloc(checkedHeaderBytes(head, size, MOST_HEADER_BYTES));
  await file.read(header, 0, header.length, SAFETENSORS_LENGTH_BYTES);
  const tensors = listSafetensors(header, size);
  for (const tensor of tensors) {
    const check = checkOf(tensor);
    for await (const piece of filePieces(file, tensor.start, tensor.end, PIECE_BYTES)) check(piece);
  }
  return { path, tensors, taken: [{ field: 'format', value: 'safetensors', reason: 'the file begins with a header of safetensors' }] };
}

async function convertTorch(file: FileHandle, size: number, { converted, maxBytes }: WeightsFileOptions): Promise<WeightsFile> {
  const { tensors, entry } = await openTorchFile(file, size);
  const { start, ordered } = safetensorsLayout(tensors, { format: 'pt' });
  const bytes = tensors.reduce((sum, { dtype, elements }) => sum + elements * elementBytes[dtype], start.length);
  if (bytes > maxBytes) throw new WeightsFileError(`its tensors take ${bytes} bytes, and at most ${maxBytes} are kept: send fewer tensors`);
  if (start.length > MOST_HEADER_BYTES) throw new WeightsFileError(`it has ${tensors.length} tensors, which are too many: send fewer`);
  const output = await open(converted, 'wx');
  const listed: ListedTensor[] = [];
  try {
    await output.writeFile(start);
    let end = start.length;
    for (const { name, dtype, shape, read } of ordered) {
      const check = checkOf({ name, dtype });
      const begin = end;
      for await (const piece of read(file, PIECE_BYTES)) {
        check(piece);
        await output.writeFile(piece);
        end += piece.length;
      }
      listed.push({ name, dtype, shape, start: begin, end });
    }
  } finally {
    await output.close();
  }
  const taken = [
    { field: 'format', value: 'torch', reason: 'the file is an archive of torch.save; its tensors were read and no code was run' },
  ];
  if (entry !== null)
    taken.push({ field: 'stateDict', value: entry, reason: `the file is a checkpoint, whose state_dict is its entry ${show(entry)}` });
  return { path: converted, tensors: listed, taken };
}

/** What the names say about how they were made. */
function prefixOf(tensors: readonly ListedTensor[]): readonly TakenDecision[] {
  const prefix = commonPrefix(tensors);
  if (prefix === '') return [];
  const reason = 'every name begins with it, as in a model in DataParallel: it is removed where that makes the names fit the model';
  return [{ field: 'prefix', value: prefix, reason }];
}

/** Looks at the pieces of a tensor one after the other. */
function checkOf({ name, dtype }: Pick<ListedTensor, 'name' | 'dtype'>): (piece: Uint8Array) => void {
  let seen = 0;
  return (piece) => {
    const found = firstUnusable(name, dtype, piece);
    if (found !== null) {
      throw new WeightsFileError(
        `tensor ${show(name)}: the number at index ${seen + found.index} is ${found.what}: a run cannot begin with it, save finite weights`,
      );
    }
    seen += piece.length / elementBytes[dtype];
  };
}
