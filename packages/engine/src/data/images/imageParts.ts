// Sorts the files of a zip, tar or folder of images into the training and the test part, and checks their classes. Classes and samples are
// in the order of their names, as in torchvision's ImageFolder.
import { DataFormatError } from '../errors.ts';
import type { ReaderLimits } from '../limits.ts';
import type { UploadReport } from '../uploadReport.ts';
import { type ClassFile, type FileSource, type ImageFolders, imageFolders } from './imageFolders.ts';

/**
 * The files of a folder or an archive. Not all of them need to be images. `folders` are the folders that an archive lists as separate
 * entries.
 */
export interface ImageFiles {
  readonly files: readonly FileSource[];
  readonly folders: readonly string[];
}

export interface ImageParts extends ImageFolders {
  /** The names of the classes of the training part. */
  readonly classes: readonly string[];
}

/**
 * Sorts image files. Faults of paths and classes go to the report.
 * @param part the name of the form part, for messages
 * @throws UploadError if there are too many faults
 * @throws DataFormatError if there are no images in class folders, or too many images or classes
 */
export function imageParts(part: string, { files, folders }: ImageFiles, limits: ReaderLimits, report: UploadReport): ImageParts {
  const sorted = imageFolders(part, files, folders, report);
  const { train, test } = sorted;
  const total = train.length + (test?.length ?? 0);
  if (total > limits.files) throw new DataFormatError(`${part}: ${total} files are over the limit of ${limits.files}`);
  if (train.length === 0 && !report.hasFaults) {
    throw new DataFormatError(`${part}: there are no images in class folders: expected class/name.png, one folder per class`);
  }
  return { ...sorted, classes: classesOf(part, train, test, limits, report) };
}

/** Returns the classes of the training part, sorted by name. Reports a fault for each class that only the test part has. */
function classesOf(
  part: string,
  train: readonly ClassFile[],
  test: readonly ClassFile[] | null,
  limits: ReaderLimits,
  report: UploadReport,
): readonly string[] {
  const classes = [...new Set(train.map(({ className }) => className))];
  if (classes.length > limits.classes) {
    throw new DataFormatError(`${part}: ${classes.length} class folders are over the limit of ${limits.classes}`);
  }
  const foreign = [...new Set((test ?? []).map(({ className }) => className))].filter((name) => !classes.includes(name));
  for (const name of foreign) {
    const first = test?.find(({ className }) => className === name)?.path ?? name;
    report.fault(
      { part, entry: first },
      `${part}: the test part has a class ${JSON.stringify(name)} (${first}), which the training part does not have`,
      'unknownClass',
    );
  }
  return classes;
}
