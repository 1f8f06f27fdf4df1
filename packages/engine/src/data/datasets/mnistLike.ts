// Defines MNIST and the datasets that have its format: 60,000 training and 10,000 test images, grey, 28×28, in four IDX files with
// MNIST's file names. The adapter for files finds or downloads the files.
import { take } from '../dataset.ts';
import { defineDataset, firstOf, type LoadContext, limitOptions } from '../define.ts';
import type { NamedBytes, RemoteFile } from '../files.ts';
import { idxDataset } from '../idx.ts';

const TRAIN_SAMPLES = 60_000;
const TEST_SAMPLES = 10_000;
const inputShape = [1, 28, 28];

/** The size in bytes and the MD5 checksum of one of the four published files. */
interface Published {
  readonly bytes: number;
  readonly md5: string;
}

interface MnistLike<Name extends string> {
  /** The name of the dataset and of its folder. */
  readonly name: Name;
  readonly title: string;
  readonly description: string;
  readonly classes: readonly string[];
  /** The URL of the folder with the published files. Ends with a slash. */
  readonly source: string;
  readonly trainImages: Published;
  readonly trainLabels: Published;
  readonly testImages: Published;
  readonly testLabels: Published;
}

/** Python functions that read the four files, gzipped or not. The header has 16 bytes in a file of images and 8 in a file of labels. */
const pythonFunctions = (name: string, source: string): string => `
def read(name):
    file = args.data / "${name}" / name
    unpacked = file.with_suffix("")
    if unpacked.exists():
        return unpacked.read_bytes()
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve("${source}" + name, file)
    return gzip.decompress(file.read_bytes())


def read_images(name):
    pixels = torch.frombuffer(bytearray(read(name)), dtype=torch.uint8, offset=16)
    return pixels.reshape(-1, 1, 28, 28).float() / 255


def read_labels(name):
    return torch.frombuffer(bytearray(read(name)), dtype=torch.uint8, offset=8).long()
`;

/** Defines a dataset that has MNIST's format. */
export function defineMnistLike<const Name extends string>(set: MnistLike<Name>) {
  const { name, title, description, classes } = set;

  const remote = (file: string, { bytes, md5 }: Published): RemoteFile => ({
    name: file,
    url: `${set.source}${file}`,
    bytes,
    checksum: `md5:${md5}`,
  });
  const files = {
    trainImages: remote('train-images-idx3-ubyte.gz', set.trainImages),
    trainLabels: remote('train-labels-idx1-ubyte.gz', set.trainLabels),
    testImages: remote('t10k-images-idx3-ubyte.gz', set.testImages),
    testLabels: remote('t10k-labels-idx1-ubyte.gz', set.testLabels),
  };

  async function read(file: RemoteFile, context: LoadContext): Promise<NamedBytes> {
    return { name: `${name}/${file.name}`, bytes: await context.files.read(name, file, context) };
  }

  return defineDataset({
    name,
    title,
    description,
    options: limitOptions,
    describe({ trainLimit = TRAIN_SAMPLES, testLimit = TEST_SAMPLES }) {
      return {
        inputShape,
        inputType: 'uint8',
        target: { kind: 'class', classes },
        trainSamples: Math.min(trainLimit, TRAIN_SAMPLES),
        testSamples: Math.min(testLimit, TEST_SAMPLES),
        bytesPerSample: 28 * 28 + 1,
      };
    },
    pytorch: ({ trainLimit, testLimit }) => ({
      imports: ['gzip', 'urllib.request'],
      readsFiles: true,
      functions: pythonFunctions(name, set.source),
      load: [
        `inputs = read_images("train-images-idx3-ubyte.gz")${firstOf(trainLimit)}`,
        `targets = read_labels("train-labels-idx1-ubyte.gz")${firstOf(trainLimit)}`,
        `test_inputs = read_images("t10k-images-idx3-ubyte.gz")${firstOf(testLimit)}`,
        `test_targets = read_labels("t10k-labels-idx1-ubyte.gz")${firstOf(testLimit)}`,
        '',
      ].join('\n'),
    }),
    async load({ trainLimit = TRAIN_SAMPLES, testLimit = TEST_SAMPLES }, context) {
      const train = idxDataset(await read(files.trainImages, context), await read(files.trainLabels, context), classes);
      const test = idxDataset(await read(files.testImages, context), await read(files.testLabels, context), classes);
      return { train: take(train, trainLimit), test: take(test, testLimit) };
    },
    digests: async (known) => await Promise.all(Object.values(files).map((file) => known.digest(name, file))),
  });
}
