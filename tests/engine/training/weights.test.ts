// Tests that safetensors files are written and read exactly. Other files, and weights of another network, are refused.
import { encodeWeights, Generator, loadWeights, setBackend, WasmBackend, WeightsError } from '@trainyard/engine';
import { decodeSafetensors, encodeSafetensors, type NamedArray, SafetensorsError } from '@trainyard/engine/formats';
import { buildModel, type LayerSpec, layerSchema } from '@trainyard/engine/spec';
import { assert, bigInt64Array, float32Array, float64Array, nat, oneof, property, string, tuple, uniqueArray } from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, run } from './runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

/** Builds a file with this header and the given number of data bytes. */
function file(header: unknown, dataBytes: number, headerBytes?: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (shape: number[], from: number, to: number, dtype = 'F32') => ({ dtype, shape, data_offsets: [from, to] });

describe('a safetensors file', () => {
  const floats = float32Array({ maxLength: 9 });
  const arrays = oneof(floats, float64Array({ maxLength: 9 }), bigInt64Array({ maxLength: 9 }));
  const named = uniqueArray(
    tuple(
      string().filter((name) => name !== '__metadata__' && name !== '__proto__'),
      arrays,
    ),
    {
      selector: ([name]) => name,
      maxLength: 6,
    },
  );

  test('returns every tensor exactly, with wide types first and otherwise by name, and the metadata, also from an unaligned Buffer', () => {
    assert(
      property(named, nat(9), (tensors, offset) => {
        const given = tensors.map(([name, data]): NamedArray => ({ name, shape: [data.length], data }));
        const { bytes } = encodeSafetensors(given, { format: 'pt' });
        const shifted = Buffer.concat([new Uint8Array(offset), bytes]).subarray(offset);
        const { tensors: read, metadata } = decodeSafetensors(shifted);
        expect(metadata).toEqual({ format: 'pt' });
        const wideFirst = (a: NamedArray, b: NamedArray) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT;
        expect(read).toEqual(given.toSorted((a, b) => wideFirst(a, b) || (a.name < b.name ? -1 : 1)));
      }),
    );
  });

  test('is copied: later changes of its bytes do not change the tensors', () => {
    const { bytes } = encodeSafetensors([{ name: 'a', shape: [1], data: Float32Array.of(1) }]);
    const buffer = Buffer.from(bytes);
    const { tensors } = decodeSafetensors(buffer);
    buffer.fill(0);
    expect(tensors[0].data).toEqual(Float32Array.of(1));
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['fewer than eight bytes', new Uint8Array(7), /has 7 bytes/],
    ['a header longer than the file', file({}, 0, 999), /999 bytes, but the file has 10 bytes/],
    ['a header of 2^63 bytes', file({}, 0, 2 ** 62), /100 MB/],
    ['a header that is not JSON', file('{', 0), /not JSON/],
    ['a header that is a list', file([], 0), /header is wrong/],
    ['a tensor without a shape', file({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4), /\/a\/shape/],
    ['a negative size', file({ a: entry([-1], 0, 4) }, 4), /\/a\/shape\/0/],
    ['a type of numbers that is not read', file({ a: entry([1], 0, 1, 'I8') }, 1), /"a" is stored as "I8".*F64, F32, F16, BF16 or I64/],
    ['two tensors that overlap', file({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8), /"b" begins at byte 4 .*should begin at byte 8/],
    ['a gap', file({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /"b" begins at byte 8 .*should begin at byte 4/],
    ['fewer bytes than the shape takes', file({ a: entry([2, 3], 0, 20) }, 20), /"a" has 20 bytes, but its shape takes 24/],
    ['an end before the beginning', file({ a: entry([1], 0, 4), b: entry([0], 4, 2) }, 4), /"b" has -2 bytes/],
    ['a tensor past the end of the file', file({ a: entry([2], 0, 8) }, 4), /4 bytes after the file/],
    ['bytes after the last tensor', file({ a: entry([1], 0, 4) }, 5), /1 bytes follow/],
  ])('with %s is refused, and the error names the position', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(SafetensorsError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });

  test('that is cut or changed anywhere is read or refused, and causes no other error', () => {
    const { bytes } = encodeSafetensors([
      { name: 'conv1.weight', shape: [2, 1], data: Float32Array.of(1, 2) },
      { name: 'steps', shape: [], data: BigInt64Array.of(7n) },
    ]);
    assert(
      property(nat(bytes.length), nat(bytes.length - 1), nat(255), (length, at, byte) => {
        const changed = bytes.slice(0, length);
        if (at < length) changed[at] = byte;
        try {
          decodeSafetensors(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('weights', () => {
  const layers = (width: number): LayerSpec[] => [
    layerSchema.parse({ type: 'linear', name: 'hidden', outFeatures: width }),
    layerSchema.parse({ type: 'linear', outFeatures: 2 }),
  ];
  const model = (width: number, seed: number) => buildModel(layers(width), [3], new Generator(seed));

  test('are copied exactly from one network to another of the same kind', () => {
    const [from, to] = [model(4, 1), model(4, 2)];
    expect(encodeWeights(to).tensorBytes).not.toEqual(encodeWeights(from).tensorBytes);
    loadWeights(to, encodeWeights(from).bytes);
    expect(encodeWeights(to).tensorBytes).toEqual(encodeWeights(from).tensorBytes);
  });

  test('of another network are refused with all differences, and change nothing', () => {
    const to = model(4, 2);
    const before = encodeWeights(to).bytes;
    const extra = { name: 'more', shape: [1], data: Float32Array.of(0) };
    const given = decodeSafetensors(encodeWeights(model(5, 1)).bytes).tensors.filter(({ name }) => name !== '1.bias');
    expect(() => loadWeights(to, [...given, extra])).toThrow(
      new WeightsError([
        '0 of 4 tensors match',
        '"hidden.weight" has shape [5, 3], the model\'s has [4, 3]',
        '"hidden.bias" has shape [5], the model\'s has [4]',
        '"1.weight" has shape [2, 5], the model\'s has [2, 4]',
        '"1.bias" [2] is missing; the nearest that was given is "more" [1]',
        '"more" is not in the model; the model\'s nearest is "1.bias" [2]',
      ]),
    );
    expect(encodeWeights(to).bytes).toEqual(before);
  });

  test('can be the initial weights of a run instead of random ones', async () => {
    const still = { ...digits, epochs: 1, optimizer: { type: 'sgd', learningRate: 0 } };
    const trained = await run(digits);
    const begun = await run({ ...still, seed: 9 }, { initialWeights: trained.weights });
    expect(begun.result.weightsSha256).toBe(trained.result.weightsSha256);
    expect(begun.result.testAccuracy).toBe(trained.result.testAccuracy);
  });
});
