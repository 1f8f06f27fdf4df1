// CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images, 32×32, colour. If a data folder has batches of the binary version,
// those batches are read. Otherwise the published archive is read. The URL and the checksum are from the publisher's page,
// https://www.cs.toronto.edu/~kriz/cifar.html.
import { cifarDataset, cifarRecords } from '../cifarBinary.ts';
import { defineDataset, type LoadContext, limitOptions } from '../define.ts';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes, RemoteFile } from '../files.ts';
import { untar } from '../tar.ts';

const TRAIN_SAMPLES = 50_000;
const TEST_SAMPLES = 10_000;
const inputShape = [3, 32, 32];
const classes: readonly string[] = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

const trainBatches = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);
const testBatch = 'test_batch.bin';
const archive: RemoteFile = {
  name: 'cifar-10-binary.tar.gz',
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  checksum: 'md5:c32a1d4ab5d03f1284b67883e8d87530',
  bytes: 170_052_171,
};

/**
 * Python functions that read the batches in the data folder, gzipped or not, or download them. A record is a label and three planes of
 * pixels.
 */
const pythonFunctions = `
def read(name):
    file = args.data / "cifar10" / name
    packed = args.data / "cifar10" / (name + ".gz")
    if file.exists():
        return file.read_bytes()
    return gzip.decompress(packed.read_bytes()) if packed.exists() else None


def download():
    with urllib.request.urlopen("${archive.url}") as answer:
        with tarfile.open(fileobj=io.BytesIO(answer.read())) as archive:
            (args.data / "cifar10").mkdir(parents=True, exist_ok=True)
            for member in archive.getmembers():
                if member.name.endswith(".bin"):
                    file = args.data / "cifar10" / member.name.split("/")[-1]
                    file.write_bytes(archive.extractfile(member).read())


def images_and_labels(batches):
    records = torch.frombuffer(bytearray(batches), dtype=torch.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32).float() / 255, records[:, 0].long()
`;

/** Returns the batch with this file name, or null if it does not exist. */
type Source = (batch: string) => Promise<NamedBytes | null>;

function fromFolder(context: LoadContext): Source {
  return async (batch) => {
    const bytes = await context.files.find('cifar10', batch, context);
    return bytes === null ? null : { name: `cifar10/${batch}`, bytes };
  };
}

async function fromArchive(context: LoadContext): Promise<Source> {
  const name = `cifar10/${archive.name}`;
  const files = untar(await context.files.read('cifar10', archive, context), name);
  return (batch) => {
    const bytes = files.get(`cifar-10-batches-bin/${batch}`);
    if (bytes === undefined) throw new DataFormatError(`${name} has no cifar-10-batches-bin/${batch}`);
    return Promise.resolve({ name: `${name}/${batch}`, bytes });
  };
}

/** Returns as many training batches as the limit needs, so that a job on 4,000 images does not read 50,000. */
async function readTrain(source: Source, limit: number): Promise<NamedBytes[]> {
  const batches: NamedBytes[] = [];
  let samples = 0;
  for (const name of trainBatches) {
    if (samples >= limit) break;
    const batch = await source(name);
    if (batch === null) continue;
    samples += cifarRecords(batch);
    batches.push(batch);
  }
  return batches;
}

export const cifar10 = defineDataset({
  name: 'cifar10',
  title: 'CIFAR-10',
  description:
    'Photographs in ten classes: 50,000 training and 10,000 test images, 32×32 colour. If a data folder has only some of the batches, only those are used',
  options: limitOptions,
  describe({ trainLimit = TRAIN_SAMPLES, testLimit = TEST_SAMPLES }) {
    return {
      inputShape,
      inputType: 'uint8',
      target: { kind: 'class', classes },
      trainSamples: Math.min(trainLimit, TRAIN_SAMPLES),
      testSamples: Math.min(testLimit, TEST_SAMPLES),
      bytesPerSample: 3 * 32 * 32 + 1,
    };
  },
  pytorch: ({ trainLimit, testLimit }) => ({
    imports: ['gzip', 'io', 'tarfile', 'urllib.request'],
    readsFiles: true,
    functions: pythonFunctions,
    load: [
      `batches = [batch for batch in map(read, ${JSON.stringify(trainBatches)}) if batch]`,
      'if not batches:',
      '    download()',
      `    batches = [read(name) for name in ${JSON.stringify(trainBatches)}]`,
      `inputs, targets = images_and_labels(b"".join(batches))`,
      `test_inputs, test_targets = images_and_labels(read("${testBatch}"))`,
      ...(trainLimit === undefined ? [] : [`inputs, targets = inputs[:${trainLimit}], targets[:${trainLimit}]`]),
      ...(testLimit === undefined ? [] : [`test_inputs, test_targets = test_inputs[:${testLimit}], test_targets[:${testLimit}]`]),
      '',
    ].join('\n'),
  }),
  async load({ trainLimit = TRAIN_SAMPLES, testLimit = TEST_SAMPLES }, context) {
    let source = fromFolder(context);
    let train = await readTrain(source, trainLimit);
    if (train.length === 0) {
      source = await fromArchive(context);
      train = await readTrain(source, trainLimit);
    }
    const test = await source(testBatch);
    return {
      train: cifarDataset(train, classes, trainLimit),
      test: test === null ? null : cifarDataset([test], classes, testLimit),
    };
  },
  async digests(files) {
    const [test, ...train] = await Promise.all([testBatch, ...trainBatches].map((batch) => files.digest('cifar10', batch)));
    return train.every((batch) => batch === null) ? [await files.digest('cifar10', archive)] : [...train, test];
  },
});
