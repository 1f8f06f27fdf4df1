// Digits that the program draws itself (../digits). The dataset needs no file and no network, and is the same on every machine.
import type { Dataset } from '../dataset.ts';
import { firstOf, defineDataset, digitClasses, type LoadContext, limitOptions } from '../define.ts';
import { DIGITS, type DigitsPart, DigitsPress } from '../digits/press.ts';
import { PIXELS, SIDE } from '../digits/raster.ts';

const inputShape = [1, SIDE, SIDE];
/** Python functions that read the images from a file. A script cannot draw them, so the user exports them to this file. */
const pythonFunctions = `
def read(name):
    file = args.data / "digits" / "digits.npz"
    if not file.exists():
        raise SystemExit(f"{file} is missing: download it with GET /datasets/digits/export of Trainyard")
    return torch.from_numpy(np.load(file)[name])
`;

/** The number of images that are drawn before other events are handled. Drawing them takes about 10 ms. */
const IMAGES_AT_ONCE = 250;

async function draw(part: DigitsPart, limit: number, { signal, onProgress }: LoadContext): Promise<Dataset> {
  const length = Math.min(limit, DIGITS[part]);
  const inputs = new Uint8Array(length * PIXELS);
  const press = new DigitsPress(part);
  for (let i = 0; i < length; i++) {
    press.next(inputs);
    if ((i + 1) % IMAGES_AT_ONCE !== 0) continue;
    onProgress?.({ file: `digits/${part}`, bytesDone: (i + 1) * PIXELS, bytesTotal: inputs.length });
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  return { length, inputShape, inputs, target: { kind: 'class', classes: digitClasses }, targets: press.labels.slice(0, length) };
}

export const digits = defineDataset({
  name: 'digits',
  title: 'Drawn digits',
  description: 'Digits drawn by the program, always the same: 10,000 training and 2,000 test images, 28×28 grey; needs no download',
  options: limitOptions,
  describe({ trainLimit = DIGITS.train, testLimit = DIGITS.test }) {
    return {
      inputShape,
      inputType: 'uint8',
      target: { kind: 'class', classes: digitClasses },
      trainSamples: Math.min(trainLimit, DIGITS.train),
      testSamples: Math.min(testLimit, DIGITS.test),
      bytesPerSample: PIXELS + 1,
    };
  },
  pytorch: ({ trainLimit, testLimit }) => ({
    imports: ['numpy as np'],
    readsFiles: true,
    functions: pythonFunctions,
    load: [
      `inputs = read("train_inputs").float()${firstOf(trainLimit)} / 255`,
      `targets = read("train_targets").long()${firstOf(trainLimit)}`,
      `test_inputs = read("test_inputs").float()${firstOf(testLimit)} / 255`,
      `test_targets = read("test_targets").long()${firstOf(testLimit)}`,
      '',
    ].join('\n'),
  }),
  async load({ trainLimit = DIGITS.train, testLimit = DIGITS.test }, context) {
    return { train: await draw('train', trainLimit, context), test: await draw('test', testLimit, context) };
  },
});
