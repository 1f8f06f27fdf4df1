// Reads weights from a file that a user sent: a safetensors file, or a state_dict of torch.save, which is converted to a safetensors file.
// Every number is checked. The file is read in pieces, so that a file of gigabytes needs little memory, and no code in it is run.
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
import type { ChosenSetting } from '../data/uploadReport.ts';
import { show } from '../validation.ts';
import { otherWeightFile } from './otherWeightFiles.ts';
import { filePieces, openTorchFile } from './torchFile.ts';

export interface WeightsFile {
  /** The path of a safetensors file with these tensors. */
  readonly path: string;
  readonly tensors: readonly ListedTensor[];
  readonly taken: readonly ChosenSetting<string>[];
}

export interface WeightsFileOptions {
  /** The path at which the converted safetensors file is written, if the file must be converted. */
  readonly converted: string;
  /** The maximum size of the converted safetensors file, in bytes. */
  readonly maxBytes: number;
}

/** The maximum size of a header in bytes. It is enough for thousands of tensors. Reading a longer header would take long. */
const MOST_HEADER_BYTES = 4_000_000;

/** Numbers are checked in pieces of this many bytes. It is a multiple of the size of every number type. */
const PIECE_BYTES = 2 ** 20;

/**
 * Checks a file of weights, including its numbers.
 * @throws WeightsFileError if the file cannot be used. The message says why, and what to do
 * @throws SafetensorsError if a safetensors file is damaged or has an unsupported number type
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
  // A header is a JSON object. A file that has no JSON object there may be a file of another known kind.
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

/** Reports the prefix that all tensor names have, if there is one. */
function prefixOf(tensors: readonly ListedTensor[]): readonly ChosenSetting<string>[] {
  const prefix = commonPrefix(tensors);
  if (prefix === '') return [];
  const reason = 'every name begins with it, as in a model in DataParallel: it is removed where that makes the names fit the model';
  return [{ field: 'prefix', value: prefix, reason }];
}

/** Returns a function that checks the next piece of a tensor. Call it for all pieces in order. */
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
