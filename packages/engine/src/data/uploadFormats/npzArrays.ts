// The arrays of NPZ files (numpy.savez, numpy.savez_compressed, the program's own export). The name of an array says whether it contains
// inputs or targets, and whether they are for training or for testing.
import type { Archive } from '../archive.ts';
import { DataFormatError } from '../errors.ts';
import { fileKind } from '../fileKinds/index.ts';
import type { NamedBytes } from '../files.ts';
import { parseNpy } from '../npy.ts';
import { textReader } from '../npyValues.ts';
import type { UploadReport } from '../uploadReport.ts';
import { formatShape } from '../../shape.ts';
import { oneFile, type UploadedParts, type UploadFilePart } from './parts.ts';

export interface NpzPair {
  readonly inputs: NamedBytes;
  readonly targets: NamedBytes;
}

/** The arrays of both halves. A half is null if no NPZ file has its arrays. */
export interface NpzPairs {
  readonly train: NpzPair | null;
  readonly test: NpzPair | null;
  /** The names of numbered classes. */
  readonly classes: readonly string[] | null;
}

type Names = readonly [inputs: string, targets: string];

/** Names in lower case. They are the usual names in files of Keras and MedMNIST and in the program's own export. */
const trainNames: readonly Names[] = [
  ['x', 'y'],
  ['inputs', 'targets'],
  ['x_train', 'y_train'],
  ['train_inputs', 'train_targets'],
  ['train_x', 'train_y'],
  ['train_images', 'train_labels'],
  ['images', 'labels'],
  ['data', 'labels'],
  ['data', 'target'],
];
const testNames: readonly Names[] = [
  ['x_test', 'y_test'],
  ['test_inputs', 'test_targets'],
  ['test_x', 'test_y'],
  ['test_images', 'test_labels'],
];
const CLASSES = 'classes';

/** Returns the arrays of NPZ files, or undefined if there are faults, which go to the report. */
export async function npzPairs(upload: UploadedParts, report: UploadReport): Promise<NpzPairs | undefined> {
  const file = await report.attempt({ part: 'file' }, async () => await arraysOf(upload, 'file', [trainNames, testNames], report));
  const testFile = await report.attempt(
    { part: 'testFile' },
    async () => await arraysOf(upload, 'testFile', [[...trainNames, ...testNames]], report),
  );
  if (file === undefined || testFile === undefined) return undefined;
  const [train = null, test = null] = file?.pairs ?? [];
  const sent = testFile?.pairs[0] ?? null;
  if (test !== null && sent !== null) {
    report.fault({ part: 'testFile' }, 'testFile: file already contains arrays of the test part: do not send testFile');
    return undefined;
  }
  return { train, test: test ?? sent, classes: file?.classes ?? null };
}

interface NpzArrays {
  readonly pairs: readonly (NpzPair | null)[];
  readonly classes: readonly string[] | null;
}

/**
 * Returns one pair of arrays for each list of name pairs in `wanted`: the arrays of the first name pair that the file contains. Returns
 * null if no NPZ file was sent.
 */
async function arraysOf(
  upload: UploadedParts,
  part: UploadFilePart,
  wanted: readonly (readonly Names[])[],
  report: UploadReport,
): Promise<NpzArrays | null> {
  const file = oneFile(upload, part, 'npz');
  if (file === null || fileKind(await upload.head(file))?.id !== 'zip') return null;
  const { files, faults } = await upload.archive(file);
  if (faults[0] !== undefined) throw new DataFormatError(faults[0].message);
  const arrays = new Map(files.filter(({ path }) => path.endsWith('.npy')).map((array) => [array.path.slice(0, -4).toLowerCase(), array]));
  const read = async (name: string): Promise<NamedBytes> => {
    const array = arrays.get(name);
    if (array === undefined) throw new DataFormatError(`${part}: has no array ${name}`);
    return { name: `${part}/${array.path.slice(0, -4)}`, bytes: await array.read() };
  };
  const found = wanted.map((names) => names.find(([inputs, targets]) => arrays.has(inputs) && arrays.has(targets)) ?? null);
  if (found[0] === null) throw new DataFormatError(await unnamed(part, files, read));
  const used = new Set(found.flatMap((names) => names ?? []));
  reportNames(
    part,
    found,
    [...arrays.keys()].filter((name) => !used.has(name) && name !== CLASSES),
    report,
  );
  const pairs: (NpzPair | null)[] = [];
  for (const names of found) pairs.push(names === null ? null : { inputs: await read(names[0]), targets: await read(names[1]) });
  return { pairs, classes: arrays.has(CLASSES) ? textsOf(await read(CLASSES)) : null };
}

function reportNames(part: string, [train, test = null]: readonly (Names | null)[], unused: readonly string[], report: UploadReport): void {
  const names = { inputs: train?.[0], targets: train?.[1], ...(test !== null && { testInputs: test[0], testTargets: test[1] }) };
  report.choice(part, names, 'The arrays of the file were recognised by their names.');
  if (unused.length > 0)
    report.choice(
      part,
      { unused: unused.slice(0, 10) },
      `${unused.length === 1 ? '1 other array of the file is' : `${unused.length} other arrays of the file are`} not used.`,
    );
}

async function unnamed(part: string, files: Archive['files'], read: (name: string) => Promise<NamedBytes>): Promise<string> {
  const listed: string[] = [];
  for (const { path } of files.filter((file) => file.path.endsWith('.npy')).slice(0, 5)) {
    const name = path.slice(0, -4);
    const { shape } = parseNpy(await read(name.toLowerCase()));
    listed.push(`${name} ${formatShape(shape)}`);
  }
  return `${part}: has the arrays ${listed.join(', ')}: name the inputs x and the targets y, as in numpy.savez("data.npz", x=…, y=…). With a test part use the names x_train, y_train, x_test and y_test`;
}

/** Returns the texts of an array, or null if it is not a list of texts. */
function textsOf(file: NamedBytes): readonly string[] | null {
  const array = parseNpy(file);
  if (array.kind !== 'text' || array.shape.length !== 1) return null;
  const read = textReader(array);
  return Array.from({ length: array.shape[0] }, (_, i) => read(i));
}
