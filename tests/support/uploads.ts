// Two uploaded datasets with fixed random data: one has pixels, classes and no test part, the other has values and a test part.
import { createHash } from 'node:crypto';
import { Generator } from '@trainyard/engine';
import { contentOf, type Dataset, npzPieces, type Splits, type UploadedContent } from '@trainyard/engine/data';

const noise = (seed: number, length: number): Float32Array => new Generator(seed).uniform_(new Float32Array(length), 0, 1);
const bytes = (seed: number, length: number, below: number): Uint8Array => Uint8Array.from(noise(seed, length), (value) => value * below);

const pixels: Dataset = {
  length: 90,
  inputShape: [1, 6, 6],
  inputs: bytes(1, 90 * 36, 256),
  target: { kind: 'class', classes: ['ant', 'bee', 'Käfer 🐞', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] },
  targets: Int32Array.from(bytes(2, 90, 10)),
};

const values = (seed: number, length: number): Dataset => ({
  length,
  inputShape: [6],
  inputs: noise(seed, 6 * length),
  target: { kind: 'values', shape: [3] },
  targets: noise(seed + 1, 3 * length),
});

function upload(splits: Splits): { readonly file: Uint8Array; readonly content: UploadedContent; readonly splits: Splits } {
  const file = Uint8Array.from(Buffer.concat([...npzPieces(splits)]));
  return { file, content: contentOf(splits, createHash('sha256').update(file).digest('hex')), splits };
}

/** The dataset of each id. */
export const uploadedFiles = {
  ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5: upload({ train: pixels, test: null }),
  ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D6: upload({ train: values(3, 30), test: values(5, 12) }),
} as const;

export const pixelsId = 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';
export const valuesId = 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D6';

/** Finds the datasets for {@link checkSpec}. */
export const uploads: ReadonlyMap<string, UploadedContent> = new Map(
  Object.entries(uploadedFiles).map(([id, { content }]) => [id, content]),
);
