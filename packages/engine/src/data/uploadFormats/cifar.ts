// Reads the binary batches of CIFAR-10: one form part for each batch, or the published archive.
import { CIFAR_BATCH, CIFAR_RECORD, cifarDataset } from '../cifarBinary.ts';
import type { Dataset } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import { fileKind } from '../fileKinds/index.ts';
import type { NamedBytes } from '../files.ts';
import type { ReaderOptions } from '../limits.ts';
import { numberedClasses } from '../upload.ts';
import { defineUploadFormat, readHalves } from './define.ts';
import type { PartNames, UploadedParts } from './parts.ts';

/** CIFAR-10 has ten classes, and every record of a batch begins with the number of its class. */
const CLASSES = 10;
const TEST_BATCH = /(^|\/)test_batch\.bin$/;
/** The file with the names of the classes, one per line. */
const NAMES = /(^|\/)batches\.meta\.txt$/;

export const cifar = defineUploadFormat({
  name: 'cifar',
  title: 'CIFAR batches',
  rank: 4,
  file: { shown: 'CIFAR batches', description: 'CIFAR batches, one part each' },
  pair: null,
  options: {},
  detection: {
    archivePath: CIFAR_BATCH,
    content: {
      shown: 'a CIFAR batch',
      test: async (head, read) => head[0] < CLASSES && consistsOfRecords(await read()),
    },
  },
  async read(upload, context) {
    const archived = await context.report.attempt({ part: 'file' }, async () => await readArchive(upload, context.reader));
    if (archived !== null) return archived ?? { train: undefined, test: undefined };
    return await readHalves(
      context,
      async (names) => await readBatches(upload, names),
      ({ file }) => file,
    );
  },
});

/** Returns whether the bytes are whole records that each begin with a class. The file has no signature that could be checked instead. */
function consistsOfRecords(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length % CIFAR_RECORD !== 0) return false;
  for (let at = 0; at < bytes.length; at += CIFAR_RECORD) if (bytes[at] >= CLASSES) return false;
  return true;
}

async function readBatches(upload: UploadedParts, names: PartNames): Promise<Dataset | null> {
  const files = upload.of(names.file);
  if (files.length === 0) return null;
  const batches: NamedBytes[] = [];
  for (const [i, file] of files.entries()) {
    const batch = await upload.read(file);
    batches.push(files.length === 1 ? batch : { ...batch, name: `${batch.name} ${i + 1}` });
  }
  return withClasses(cifarDataset(batches, numberedClasses(256), Number.POSITIVE_INFINITY), null);
}

/** Returns the datasets of an archive, or null if no archive was sent. */
async function readArchive(
  upload: UploadedParts,
  { onRead }: ReaderOptions,
): Promise<{ readonly train: Dataset; readonly test: Dataset | null } | null> {
  const [file, ...others] = upload.of('file');
  if (file === undefined || !['zip', 'tar'].includes(fileKind(await upload.head(file))?.id ?? '')) return null;
  if (others.length > 0 || upload.of('testFile').length > 0) {
    throw new DataFormatError('file: an archive of CIFAR batches contains both parts: send no other file');
  }
  const { files, storedBytes } = await upload.archive(file);
  onRead?.(storedBytes);
  const read = async (wanted: (path: string) => boolean): Promise<NamedBytes[]> => {
    const found = files.filter(({ path }) => wanted(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const batches: NamedBytes[] = [];
    for (const batch of found) batches.push({ name: `file/${batch.path}`, bytes: await batch.read() });
    return batches;
  };
  const [names] = await read((path) => NAMES.test(path));
  const classes =
    names === undefined
      ? null
      : new TextDecoder()
          .decode(names.bytes)
          .trim()
          .split(/\s*\n\s*/);
  const [train, test] = [
    await read((path) => CIFAR_BATCH.test(path) && !TEST_BATCH.test(path)),
    await read((path) => TEST_BATCH.test(path)),
  ].map((batches) =>
    batches.length === 0 ? null : withClasses(cifarDataset(batches, numberedClasses(256), Number.POSITIVE_INFINITY), classes),
  );
  if (train === null) throw new DataFormatError('file: the archive has a test batch, but no training batch such as data_batch_1.bin');
  return { train, test };
}

function withClasses(dataset: Dataset, names: readonly string[] | null): Dataset {
  const classes = numberedClasses(1 + Math.max(...new Set<number>(dataset.targets)));
  return { ...dataset, target: { kind: 'class', classes: names !== null && names.length >= classes.length ? names : classes } };
}
