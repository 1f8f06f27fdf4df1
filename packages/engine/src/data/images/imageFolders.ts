// Sorts the files of a folder, zip or tar into classes and parts by their paths: class/name.png, or train/class/name.png and
// test/class/name.png. System files are ignored.
import type { UploadReport } from '../uploadReport.ts';

/** A file and its path from the root, with slashes: cats/1.png. */
export interface FileSource {
  readonly path: string;
  /** The file's size in bytes that the folder or archive states. */
  readonly bytes: number;
  read(): Promise<Uint8Array>;
}

export interface ClassFile extends FileSource {
  readonly className: string;
}

export interface ImageFolders {
  readonly train: readonly ClassFile[];
  /** The files of the test part. Null if the files are not divided into parts. */
  readonly test: readonly ClassFile[] | null;
  /** The number of ignored files and folders. */
  readonly skipped: number;
}

/** Returns whether an operating system created the file, or the file is hidden. Such files are ignored. */
export const isLeftover = (path: string): boolean => leftovers.test(path);

/** Matches files that operating systems create in folders and archives, and hidden files (their names begin with a dot). */
const leftovers = /(^|\/)(__MACOSX|\.[^/]*|Thumbs\.db|ehthumbs\.db|desktop\.ini|\$RECYCLE\.BIN|@eaDir)(\/|$)/i;

/** The usual folder names for the parts of a dataset. */
const partNames: ReadonlyMap<string, 'train' | 'test' | 'validation'> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['test', 'test'],
  ['testing', 'test'],
  ['val', 'validation'],
  ['valid', 'validation'],
  ['validation', 'validation'],
]);

const shape = 'class/name.png';

/**
 * Sorts files into parts and classes. Faults are added to the report.
 * @param part the name of the form part
 * @param folders the paths of the folders that have an entry of their own. Empty folders are reported as ignored
 */
export function imageFolders(part: string, all: readonly FileSource[], folders: readonly string[], report: UploadReport): ImageFolders {
  const files = all.filter(({ path }) => !leftovers.test(path));
  const used = usedFolders(all);
  const empty = folders.filter((folder) => !used.has(folder) && !leftovers.test(folder));
  const skipped = all.length - files.length + empty.length;
  if (skipped > 0) {
    const first = all.find(({ path }) => leftovers.test(path))?.path ?? `${empty[0]}/`;
    report.choice(part, { skipped }, `${skipped} hidden or system files and empty folders were ignored, such as ${JSON.stringify(first)}`);
  }
  const wrapper = commonFolder(files);
  const inside = files.map((source) => {
    const path = source.path.startsWith(wrapper) ? source.path.slice(wrapper.length) : source.path;
    return { source, steps: path.split('/') };
  });
  const parts = partsOf(inside.map(({ steps }) => steps));
  if (parts === null) return { train: classFiles(part, inside, wrapper, report), test: null, skipped };
  const of = (folder: string | undefined) =>
    folder === undefined
      ? []
      : classFiles(
          part,
          inside.filter(({ steps }) => steps[0] === folder).map(({ source, steps }) => ({ source, steps: steps.slice(1) })),
          `${wrapper}${folder}/`,
          report,
        );
  return { train: of(parts.train), test: takeTest(part, parts, of, inside, report), skipped };
}

interface Parts {
  readonly train: string;
  readonly test: string | undefined;
  readonly validation: string | undefined;
}

/** Returns the top folders of the parts, or null if the top folders are classes. */
function partsOf(paths: readonly (readonly string[])[]): Parts | null {
  const tops = [...new Set(paths.map(([top]) => top))];
  const found = tops.map((top) => [partNames.get(top.toLowerCase()), top] as const);
  const kinds = new Set(found.map(([kind]) => kind));
  if (tops.length < 2 || kinds.size < tops.length || kinds.has(undefined)) return null;
  const of = (wanted: string): string | undefined => found.find(([kind]) => kind === wanted)?.[1];
  const [train, test, validation] = ['train', 'test', 'validation'].map(of);
  return train === undefined ? null : { train, test, validation };
}

/** Returns the files of the test part: the files in the folder `test`. If there is no folder `test`, the folder `validation` is used. */
function takeTest(
  part: string,
  { train, test, validation }: Parts,
  of: (folder: string | undefined) => readonly ClassFile[],
  inside: readonly { readonly steps: readonly string[] }[],
  report: UploadReport,
): readonly ClassFile[] {
  const taken = test ?? validation;
  report.choice(part, { train, test: taken }, `the folders ${train}/ and ${taken}/ are used as the training part and the test part`);
  if (test !== undefined && validation !== undefined) {
    const count = inside.filter(({ steps }) => steps[0] === validation).length;
    report.choice(
      part,
      { unused: validation },
      `the ${count} files in ${validation}/ are not used: a dataset has two parts, and ${test}/ is the second`,
    );
  }
  return of(taken);
}

interface Placed {
  readonly source: FileSource;
  /** The path of the file below the folder of its part, split into names. */
  readonly steps: readonly string[];
}

function classFiles(part: string, files: readonly Placed[], folder: string, report: UploadReport): ClassFile[] {
  const placed: ClassFile[] = [];
  for (const { source, steps } of files) {
    if (steps.length === 2) {
      placed.push({ ...source, className: steps[0] });
      continue;
    }
    const where = JSON.stringify(source.path);
    const message =
      steps.length === 1
        ? `${part}: ${where} is not in a class folder: expected ${folder}${shape}`
        : `${part}: ${where} is in too many folders: expected ${folder}${shape}, one folder per class`;
    report.fault({ part, entry: source.path }, message, 'invalidPath');
  }
  return placed.toSorted((a, b) => compare(a.className, b.className) || compare(a.path, b.path));
}

/**
 * Returns the path of the folders that contain all images, or '' if there are none. Archives often have one top folder. The paths of files
 * that are not images are ignored.
 */
function commonFolder(files: readonly FileSource[]): string {
  const images = files.filter(({ path }) => isImageName(path));
  const paths = (images.length === 0 ? files : images).map(({ path }) => path.split('/'));
  if (paths.length === 0) return '';
  // The remaining path must have at least a class and a file name.
  const most = Math.min(...paths.map(({ length }) => length)) - 2;
  let steps = 0;
  while (steps < most && paths.every((path) => path[steps] === paths[0][steps])) steps += 1;
  return paths[0]
    .slice(0, steps)
    .map((step) => `${step}/`)
    .join('');
}

/** Returns whether a file name has the ending of an image format. */
export const isImageName = (path: string): boolean => imageName.test(path);

const imageName = /\.(png|jpe?g|webp|gif|tiff?|avif|bmp|hei[cf])$/i;

/** The folders that contain a file, directly or in a subfolder. */
function usedFolders(files: readonly FileSource[]): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { path } of files) {
    let end = path.lastIndexOf('/');
    // If a folder is already known, its parent folders are known too.
    while (end > 0 && !used.has(path.slice(0, end))) {
      used.add(path.slice(0, end));
      end = path.lastIndexOf('/', end - 1);
    }
  }
  return used;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
