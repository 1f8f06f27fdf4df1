// Draws the dataset of digits from fixed random streams. Image n is the same, however many images are drawn. The training part and the test
// part use independent streams.
import { Outline, type PenPath, parsePath } from './outline.ts';
import { type Pen, PIXELS, Raster, SIDE } from './raster.ts';
import { type Handwriting, handwriting } from './strokes.ts';
import { Xoshiro128 } from './xoshiro.ts';

/** The number of images in each part. */
export const DIGITS = { train: 10_000, test: 2_000 } as const;
export type DigitsPart = keyof typeof DIGITS;

const SEEDS: Readonly<Record<DigitsPart, number>> = { train: 0x7261696e, test: 0x74657374 };

/** The position of the centre of mass in MNIST's images of 28×28 pixels, in both directions. */
const CENTRE = SIDE / 2 + 0.5;
/** The side of the box into which MNIST scales each digit, in pixels. */
const BOX = 20;

/** Returns the labels of a part. Each digit occurs equally often, in a fixed random order (Fisher–Yates shuffle). */
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

/** Draws the images of a part, one after the other. */
export class DigitsPress {
  /** The labels of the whole part. */
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

  /** Draws the next image at its place in `images`. Must not be called more often than the part has samples. */
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
