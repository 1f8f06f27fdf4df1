// CIFAR's binary batches: one part each, or the archive that the publisher offers.
import { CIFAR_BATCH, cifarDataset } from '../../data/cifarBinary.ts';
import type { Dataset } from '../../data/dataset.ts';
import { DataFormatError } from '../../data/errors.ts';
import { fileKind } from '../../data/fileKinds/index.ts';
import type { NamedBytes } from '../../data/files.ts';
import { numberedClasses } from '../../data/upload.ts';
import { type FormatReader, type PartNames, readHalves, type UploadedParts } from './uploadParts.ts';

/** Both parts of the archive, in the order of their names. */
const TEST_BATCH = /(^|\/)test_batch\.bin$/;
/** The names of the classes, a line each. */
const NAMES = /(^|\/)batches\.meta\.txt$/;

export const readCifarBatches: FormatReader = async (upload, context) => {
  const archived = await context.report.attempt({ part: 'file' }, async () => await readArchive(upload));
  if (archived !== null) return archived ?? { train: undefined, test: undefined };
  return await readHalves(
    context,
    async (names) => await readBatches(upload, names),
    ({ file }) => file,
  );
};

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

/** The archive's batches; null when no archive was sent. */
async function readArchive(upload: UploadedParts): Promise<{ readonly train: Dataset; readonly test: Dataset | null } | null> {
  const [file, ...others] = upload.of('file');
  if (file === undefined || !['zip', 'tar'].includes(fileKind(await upload.head(file))?.id ?? '')) return null;
  if (others.length > 0 || upload.of('testFile').length > 0) {
    throw new DataFormatError('file: an archive of CIFAR batches has both parts: send it alone');
  }
  const { files } = await upload.archive(file);
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
  if (train === null) throw new DataFormatError('file: the archive holds a test batch, but no data_batch_1.bin to train on');
  return { train, test };
}

function withClasses(dataset: Dataset, names: readonly string[] | null): Dataset {
  const classes = numberedClasses(1 + Math.max(...new Set<number>(dataset.targets)));
  return { ...dataset, target: { kind: 'class', classes: names !== null && names.length >= classes.length ? names : classes } };
}
