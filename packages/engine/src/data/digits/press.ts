// The set of digits: which digit is where, and each one drawn from the fixed stream. The first n images are the same
// whatever the number asked for, and the training and the test part are independent streams.
import { Outline, type PenPath, parsePath } from './outline.ts';
import { type Pen, PIXELS, Raster, SIDE } from './raster.ts';
import { type Handwriting, handwriting } from './strokes.ts';
import { Xoshiro128 } from './xoshiro.ts';

/** Size of the whole set. */
export const DIGITS = { train: 10_000, test: 2_000 } as const;
export type DigitsPart = keyof typeof DIGITS;

const SEEDS: Readonly<Record<DigitsPart, number>> = { train: 0x7261696e, test: 0x74657374 };

/** Where MNIST's centre of mass lies in its 28×28 box. */
const CENTRE = SIDE / 2 + 0.5;
/** MNIST fits each digit into 20×20. */
const BOX = 20;

/** Labels of a part: each digit equally often, in a fixed random order (Fisher and Yates). */
function drawLabels(part: DigitsPart): Uint8Array {
  const random = new Xoshiro128(SEEDS[part] ^ 0x5a5a5a5a);
  const labels = Uint8Array.from({ length: DIGITS[part] }, (_, i) => i % 10);
  for (let i = labels.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const label = labels[i];
    labels[i] = labels[j];
    labels[j] = label;
  }
  return labels;
}

interface Variants {
  totalWeight: number;
  choices: readonly { weight: number; paths: readonly PenPath[] }[];
}

function parseVariants(list: readonly Handwriting[]): Variants {
  const choices = list.map(({ weight, strokes }) => ({ weight, paths: strokes.map(parsePath) }));
  return { choices, totalWeight: choices.reduce((sum, choice) => sum + choice.weight, 0) };
}

function choose({ choices, totalWeight }: Variants, random: Xoshiro128): readonly PenPath[] {
  let ticket = random.below(totalWeight);
  let i = 0;
  while (ticket >= choices[i].weight) {
    ticket -= choices[i].weight;
    i += 1;
  }
  return choices[i].paths;
}

function drawPen(random: Xoshiro128): Pen {
  return {
    radius: random.uniform(0.85, 1.35) + random.uniform(0, 0.7),
    swell: random.bell(0.2),
    softness: random.uniform(0.9, 1.6),
    darkness: random.uniform(250, 300),
    roughness: random.uniform(0.05, 0.25),
  };
}

/** Draws the images of a part one after the other. */
export class DigitsPress {
  /** Of the whole part. */
  readonly labels: Uint8Array;
  readonly #random: Xoshiro128;
  readonly #variants = handwriting.map(parseVariants);
  readonly #outline = new Outline();
  readonly #raster = new Raster();
  #index = 0;

  constructor(part: DigitsPart) {
    this.labels = drawLabels(part);
    this.#random = new Xoshiro128(SEEDS[part]);
  }

  /** Draws the next image to its place in `images`; called at most as often as the part has samples. */
  next(images: Uint8Array): void {
    const random = this.#random;
    const paths = choose(this.#variants[this.labels[this.#index]], random);
    const pen = drawPen(random);
    const extent = BOX * random.uniform(0.96, 1) - 2 * pen.radius - 0.5 * pen.softness;
    const x = CENTRE + random.uniform(-0.5, 0.5);
    const y = CENTRE + random.uniform(-0.5, 0.5);
    this.#outline.write(paths, random, extent, x, y);
    this.#raster.draw(this.#outline, pen, random, images, this.#index * PIXELS);
    this.#index += 1;
  }
}
