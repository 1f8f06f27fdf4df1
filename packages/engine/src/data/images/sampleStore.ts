// The pixels of the samples of one part, while they are read. Grey images take one plane each until the first colour image arrives.
import { sharableBytes } from '../dataset.ts';
import { luma, type Pixels, writePlanes } from './image.ts';
import type { ImagePreparation } from './preparation.ts';

export class SampleStore {
  readonly #length: number;
  /** The number of pixels of a sample. */
  readonly #plane: number;
  /** How many planes each sample has room for. */
  #channels: 1 | 3;
  #data: Uint8Array;
  /** For each sample: 1 if it has colours. */
  readonly #isColour: Uint8Array;

  /** @param first the first sample. The others have its size, and may have other colours */
  constructor(length: number, { width, height, channels }: Pixels) {
    this.#length = length;
    this.#plane = width * height;
    this.#channels = channels;
    this.#data = sharableBytes(length * this.#plane * channels);
    this.#isColour = new Uint8Array(length);
  }

  set(index: number, image: Pixels): void {
    if (image.channels === 3) this.#makeRoomForColours();
    this.#isColour[index] = Number(image.channels === 3);
    writePlanes(image, this.#data, index * this.#plane * this.#channels);
  }

  #makeRoomForColours(): void {
    if (this.#channels === 3) return;
    const [grey, plane] = [this.#data, this.#plane];
    this.#channels = 3;
    this.#data = sharableBytes(3 * grey.length);
    for (let i = 0; i < this.#length; i++) this.#data.set(grey.subarray(i * plane, (i + 1) * plane), 3 * i * plane);
  }

  /** Converts all samples to one mode, and returns their planes. The store cannot be used afterwards. */
  inMode(mode: ImagePreparation['mode']): Uint8Array {
    if (mode === 'grey') return this.#channels === 1 ? this.#data : this.#inGrey();
    this.#makeRoomForColours();
    const [data, plane] = [this.#data, this.#plane];
    for (let i = 0; i < this.#length; i++) {
      if (this.#isColour[i] === 1) continue;
      const start = 3 * i * plane;
      data.copyWithin(start + plane, start, start + plane);
      data.copyWithin(start + 2 * plane, start, start + plane);
    }
    return data;
  }

  /** Moves the grey samples to the beginning of the memory, so that no other memory is needed. */
  #inGrey(): Uint8Array {
    const [data, plane] = [this.#data, this.#plane];
    for (let i = 0; i < this.#length; i++) {
      const [from, to] = [3 * i * plane, i * plane];
      if (this.#isColour[i] === 0) data.copyWithin(to, from, from + plane);
      else for (let at = 0; at < plane; at++) data[to + at] = luma(data[from + at], data[from + plane + at], data[from + 2 * plane + at]);
    }
    return data.subarray(0, this.#length * plane);
  }
}
