// Tests weights files that users upload. Files of PyTorch are read exactly. Other files are refused with an error that names their kind.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSafetensors, SafetensorsError, WeightsFileError } from '@trainyard/engine/formats';
import { readWeightsFile, type WeightsFile } from '@trainyard/engine/node';
import { assert, asyncProperty, nat } from 'fast-check';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test as base } from 'vitest';
import { valuesOf, weightFile, weightFilePath } from '../../support/weightFiles/index.ts';

const test = base.extend('folder', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-weights-'));
  onCleanup(async () => await rm(folder, { recursive: true }));
  return folder;
});

let files = 0;
const reading = async (path: string, folder: string, maxBytes = 1e6): Promise<WeightsFile> =>
  await readWeightsFile(path, { converted: join(folder, `converted${files++}`), maxBytes });

async function ofBytes(bytes: Uint8Array | string, folder: string): Promise<WeightsFile> {
  const path = join(folder, `sent${files++}`);
  await writeFile(path, bytes);
  return await reading(path, folder);
}

/** Builds a safetensors file with this header and the given number of data bytes. */
function safetensors(header: string, dataBytes: number): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

/** Returns the pickle of an archive of torch.save. */
const archive = (pickle: Uint8Array | string): Uint8Array =>
  zipSync({ 'weights/data.pkl': typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle }, { level: 0 });

describe('a file of weights', () => {
  test.for([
    ['f64.pt', 'F64'],
    ['f32.pt', 'F32'],
    ['f16.pt', 'F16'],
    ['bf16.pt', 'BF16'],
    ['f64.safetensors', 'F64'],
    ['f32.safetensors', 'F32'],
    ['f16.safetensors', 'F16'],
    ['bf16.safetensors', 'BF16'],
    ['strided.pt', 'F32'],
    ['protocol4.pt', 'F32'],
    ['parameters.pt', 'F32'],
    ['checkpoint.pt', 'F32'],
  ] as const)('%s contains the same %s numbers as PyTorch reads', async ([name, dtype], { folder }) => {
    const { path, tensors } = await reading(weightFilePath(name), folder);
    const decoded = decodeSafetensors(await readFile(path));
    const values = Object.fromEntries(decoded.tensors.map(({ name, data }) => [name, Array.from(data, Number)]));
    expect(values).toEqual(valuesOf(name.replace(/\..*/, '')));
    expect(tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual([
      { name: '0.bias', dtype, shape: [3] },
      { name: '0.weight', dtype, shape: [3, 4] },
      { name: '2.bias', dtype, shape: [2] },
      { name: '2.weight', dtype, shape: [2, 3] },
    ]);
  });

  test('that is a safetensors file is kept unchanged, and one of torch.save is converted to safetensors', async ({ folder }) => {
    expect((await reading(weightFilePath('f16.safetensors'), folder)).path).toBe(weightFilePath('f16.safetensors'));
    const { path } = await reading(weightFilePath('f32.pt'), folder);
    const [written, wanted] = [decodeSafetensors(await readFile(path)), decodeSafetensors(weightFile('f32.safetensors'))];
    expect(written.tensors).toEqual(wanted.tensors);
    expect(written.metadata).toEqual({ format: 'pt' });
  });

  test('is reported with its format, the entry of the checkpoint that was read, and the removed prefix', async ({ folder }) => {
    const taken = async (name: string) => (await reading(weightFilePath(name), folder)).taken.map(({ field, value }) => [field, value]);
    expect(await taken('f32.safetensors')).toEqual([['format', 'safetensors']]);
    expect(await taken('checkpoint.pt')).toEqual([
      ['format', 'torch'],
      ['stateDict', 'state_dict'],
    ]);
    expect(await taken('parallel.pt')).toEqual([
      ['format', 'torch'],
      ['prefix', 'module.'],
    ]);
  });

  test.for([
    ['model.pt', /whole model \(torch\.nn\.modules\.container\.Sequential\).*model\.state_dict\(\)/],
    ['settings.pt', /contains argparse\.Namespace, but only tensors and dictionaries can be read/],
    ['otherCheckpoint.pt', /dictionary of "epoch", "model".*torch\.save\(checkpoint\["model"\]/],
    ['tensor.pt', /one tensor without a name/],
    ['old.pt', /in its old format.*torch\.save\(torch\.load\(/],
    ['program.pt', /program of torch\.jit.*\.state_dict\(\)/],
    ['int32.pt', /"0\.weight" is stored as int32: store it as F64, F32, F16, BF16 or I64/],
    ['float8.pt', /"0\.weight" is stored as float8_e4m3fn/],
    ['expanded.pt', /tensors take 40000000\d+ bytes, and at most 1000000 are kept/],
    ['nan.pt', /"2\.weight": the number at index 5 is NaN/],
  ] as const)('%s is refused: %s', async ([name, message], { folder }) => {
    await expect(reading(weightFilePath(name), folder)).rejects.toThrow(WeightsFileError);
    await expect(reading(weightFilePath(name), folder)).rejects.toThrow(message);
  });

  test.for<[string, Uint8Array | string, RegExp]>([
    ['a Keras model', Buffer.from('\x89HDF\r\n\x1a\n and so on', 'latin1'), /HDF5 file \(\.h5\): .*save_file/],
    ['a newer Keras model', zipSync({ 'config.json': strToU8('{}'), 'model.weights.h5': strToU8('x') }), /Keras model: .*save_file/],
    ['an ONNX model', Buffer.from([0x08, 0x08, 0x12, 0x07, ...Buffer.from('pytorch')]), /ONNX model: .*save_file/],
    ['a pickle', Buffer.from('\x80\x04]\x94.', 'latin1'), /Python pickle: .*save_file/],
    ['an NPZ archive', zipSync({ 'a.npy': strToU8('x') }), /NPZ file: use safetensors\.numpy\.save_file/],
    ['a NumPy array', Buffer.from('\x93NUMPY\x01\x00', 'latin1'), /NPY array: .*save_file/],
    ['a zip of anything', zipSync({ 'a.txt': strToU8('x') }), /zip that torch\.save did not write/],
    ['an empty zip', zipSync({}), /zip that torch\.save did not write/],
    ['half a zip', zipSync({ 'w/data.pkl': strToU8('x') }).subarray(0, 40), /archive cannot be read/],
    ['a gzipped file', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0]), /gzip file: unpack it/],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /git lfs pull/],
    ['a TensorFlow model', Buffer.from([0x08, 0x01, 0x12, 0x9b, 0x01, 0, 0, 0, 0]), /TensorFlow SavedModel/],
    ['an image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]), /PNG.*: send a safetensors file/],
    ['a text', '0.weight,1,2,3\n0.bias,4\n', /is a text: send a safetensors file/],
    ['a web page', '<!DOCTYPE html><html></html>', /HTML page: download the file itself/],
    ['an archive that was packed again', zipSync({ 'w/data.pkl': pickleOf('f32.pt'), 'w/data/0': new Uint8Array(48) }), /packed again/],
    ['an archive without its numbers', archive(pickleOf('f32.pt')), /numbers of tensor "0\.weight" are missing/],
    ['a call of another function', archive('\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R.'), /contains os\.system, but only tensors/],
    ['a call under its newer opcode', archive('\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x01x\x85R.'), /contains builtins\.eval/],
    ['a pickle that is cut off', archive('\x80\x02}X\xff\x00\x00\x00x'), /ends in the middle of an opcode/],
    ['opcodes of a text protocol', archive('(dp0\n.'), /not a supported opcode|damaged/],
    ['dictionaries without end', archive('}'.repeat(600_000)), /more than 500000 lists and dictionaries/],
    ['a dictionary that holds itself', archive('}q\x00X\x01\x00\x00\x00ah\x00s.'), /"a" of the state_dict is not a tensor/],
    [
      'lists within lists',
      archive(`}X\x01\x00\x00\x00a${']'.repeat(100_000)}${'a'.repeat(99_999)}s.`),
      /"a" of the state_dict is not a tensor/,
    ],
    ['an empty dictionary', archive('}.'), /state_dict is empty/],
    ['a header nested deeply', safetensors(`${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`, 0), /header is wrong/],
    ['lists nested deeply in a header', safetensors(`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0), /header is wrong/],
    ['a count below 0', counterFile(-1n), /"0\.num_batches_tracked": the number at index 0 is -1/],
    ['a count that is too large', counterFile(2n ** 31n), /2147483648, but a counter must be from 0 to 2147483647/],
  ])('%s is refused with an error that names it', async ([, bytes, message], { folder }) => {
    const refused = ofBytes(bytes, folder);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toSatisfy((error) => error instanceof WeightsFileError || error instanceof SafetensorsError);
  });

  test.for([
    ['F64', [1, 1e300], 1, '1e\\+300, which is too large for float32'],
    ['F64', [1, NaN], 1, 'NaN'],
    ['F32', [-Infinity, 1], 0, '-Infinity'],
  ] as const)('of %s with the numbers %j is refused at index %i', async ([dtype, numbers, index, what], { folder }) => {
    const data = dtype === 'F64' ? Float64Array.from(numbers) : Float32Array.from(numbers);
    const header = safetensors(JSON.stringify({ a: { dtype, shape: [2], data_offsets: [0, data.byteLength] } }), 0);
    const sent = ofBytes(Buffer.concat([header, new Uint8Array(data.buffer)]), folder);
    await expect(sent).rejects.toThrow(new RegExp(`"a": the number at index ${index} is ${what}`));
  });

  test.for([0, 100, 0x7f, 0xff])('whose zip refers to a position beyond its end (%i) is refused', async (byte, { folder }) => {
    const file = weightFile('f32.pt');
    // The locator contains the position of the zip64 end of the central directory.
    const locator = file.lastIndexOf(Buffer.from('PK\u0006\u0007'));
    file.fill(byte, locator + 8, locator + 16);
    await expect(ofBytes(file, folder)).rejects.toThrow(/archive cannot be read/);
  });

  test('with a NaN after the first chunk is refused with the index of the NaN', async ({ folder }) => {
    const numbers = new Float32Array(600_000);
    numbers[599_999] = NaN;
    const header = safetensors(JSON.stringify({ a: { dtype: 'F32', shape: [600_000], data_offsets: [0, 2_400_000] } }), 0);
    await expect(ofBytes(Buffer.concat([header, new Uint8Array(numbers.buffer)]), folder)).rejects.toThrow(/index 599999 is NaN/);
  });

  test('of torch.save that is cut or changed anywhere is read or refused, and causes no other error', async ({ folder }) => {
    const whole = weightFile('checkpoint.pt');
    await assert(
      asyncProperty(nat(whole.length), nat(whole.length - 1), nat(255), async (length, at, byte) => {
        const changed = Buffer.from(whole);
        changed[at] = byte;
        await ofBytes(length % 3 === 0 ? changed.subarray(0, length) : changed, folder).catch((error: unknown) => {
          if (!(error instanceof WeightsFileError || error instanceof SafetensorsError)) throw error;
        });
      }),
      { numRuns: 300 },
    );
  });
});

/** Builds a file with one counter. */
function counterFile(count: bigint): Uint8Array {
  const header = JSON.stringify({ '0.num_batches_tracked': { dtype: 'I64', shape: [], data_offsets: [0, 8] } });
  return Buffer.concat([safetensors(header, 0), new Uint8Array(BigInt64Array.of(count).buffer)]);
}

/** Returns the pickle of an archive of PyTorch. Its entries are not compressed. */
function pickleOf(name: string): Uint8Array {
  const file = weightFile(name);
  const start = file.indexOf(Buffer.from([0x80, 2]));
  return file.subarray(start, file.indexOf('PK', start, 'latin1'));
}
