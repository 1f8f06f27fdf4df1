// Which format an upload is, by what its files begin with, and what to say of files that are no dataset.
import { CIFAR_BATCH, CIFAR_RECORD } from '../../data/cifarBinary.ts';
import { DataFormatError } from '../../data/errors.ts';
import { type FileKind, fileKind, shownBytes, zipKind } from '../../data/fileKinds/index.ts';
import { isDamagedTable, looksLikeText } from '../../data/table/encoding.ts';
import type { UploadFormat } from '../../data/uploadFormats/index.ts';
import type { UploadReport } from '../../data/uploadReport.ts';
import type { UploadedFile, UploadedParts } from './uploadParts.ts';

/** What a file is. */
interface Content {
  /** With its article, for messages. */
  readonly name: string;
  /** The format that reads it as this part; null where none does. */
  readonly format: UploadFormat | null;
  /** What to do when no format reads it as this part. */
  readonly remedy: string;
  /** False where nothing tells it apart from other formats. */
  readonly isCertain: boolean;
}

const pairParts: readonly string[] = ['inputs', 'targets', 'testInputs', 'testTargets'];

/** Formats of files that are sent alone, and of those that are sent in pairs, by their kinds. */
const formatsOfFiles: Readonly<Record<string, UploadFormat>> = { zip: 'images', tar: 'images', npz: 'npy' };
const formatsOfPairs: Readonly<Record<string, UploadFormat>> = { npy: 'npy', idx: 'idx' };

/**
 * The format of an upload.
 * @param given what the form says; the files are then only checked against it
 * @returns undefined where there are faults, which are in the report
 */
export async function formatOf(
  upload: UploadedParts,
  files: readonly UploadedFile[],
  given: UploadFormat | undefined,
  report: UploadReport,
): Promise<UploadFormat | undefined> {
  if (!files.some(({ part }) => part === 'file' || part === 'inputs')) {
    report.fault({ part: 'file' }, 'there is nothing to train on: send a part file, or the parts inputs and targets', 'required');
    return undefined;
  }
  const contents: { readonly part: string; readonly content: Content }[] = [];
  for (const file of files) {
    const content = await report.attempt({ part: file.part }, async () => await contentOf(upload, file));
    if (content !== undefined) contents.push({ part: file.part, content });
  }
  const format = given ?? contents.find(({ part, content }) => !part.startsWith('test') && content.format !== null)?.content.format;
  for (const { part, content } of contents) {
    const message = refusalOf(part, content, format ?? undefined, given);
    if (message !== null) report.fault({ part }, message, 'invalidFile');
  }
  return report.hasFaults ? undefined : (format ?? undefined);
}

function refusalOf(part: string, content: Content, format: UploadFormat | undefined, given: UploadFormat | undefined): string | null {
  const { name, remedy, isCertain } = content;
  if (format !== undefined && content.format === format) return null;
  // What the form says is believed of a file that could be anything.
  if (given !== undefined && !isCertain) return null;
  if (content.format === null || format === undefined) return `${part} is ${name}: ${remedy}`;
  return given === undefined
    ? `${part} is ${name}, but the other files are ${format}: send files of one format`
    : `${part} is ${name}, but format says ${format}: leave format out`;
}

async function contentOf(upload: UploadedParts, file: UploadedFile): Promise<Content> {
  const { part } = file;
  const head = await upload.head(file);
  if (head.length === 0) throw new DataFormatError(`${part} is empty: it has 0 bytes`);
  if (looksLikeText(head) && head.every((byte) => byte <= 0x20)) throw new DataFormatError(`${part} is empty: it holds only blanks`);
  const isPair = pairParts.includes(part);
  if (!isPair && head[0] < 10 && (await isCifar(upload, file))) {
    return { name: 'a CIFAR batch', format: 'cifar', remedy: '', isCertain: true };
  }
  const kind = await kindOf(upload, file, head);
  if (kind !== null) {
    const format = (isPair ? formatsOfPairs : formatsOfFiles)[kind.id] ?? null;
    const isArchive = kind.id === 'zip' || kind.id === 'tar';
    return {
      name: kind.name,
      format: isArchive && !isPair && (await holdsCifar(upload, file)) ? 'cifar' : format,
      remedy: isPair ? remedyOfPair(kind) : kind.remedy,
      isCertain: !looksLikeText(head),
    };
  }
  if (looksLikeText(head) || (!isPair && isDamagedTable(head))) {
    return {
      name: 'text',
      format: isPair ? null : 'csv',
      remedy: 'send a CSV as the part file, with the target as one of its columns',
      isCertain: true,
    };
  }
  return { name: `of no known kind (its first bytes are ${shownBytes(head)})`, format: null, remedy: expected, isCertain: false };
}

const expected =
  'expected a CSV, a zip or tar of images, an .npz or CIFAR batches as the part file, or NPY or IDX arrays as the parts inputs and targets';

/** What to do with a file that was sent as half of a pair and is none. */
function remedyOfPair({ id, group, remedy }: FileKind): string {
  const isWhole = Object.hasOwn(formatsOfFiles, id);
  if (isWhole) return 'send it as the part file; inputs and targets are for NPY and IDX arrays';
  return group === 'image' ? remedy : `inputs and targets are for NPY and IDX arrays; ${remedy}`;
}

async function kindOf(upload: UploadedParts, file: UploadedFile, head: Uint8Array): Promise<FileKind | null> {
  const kind = fileKind(head);
  if (kind?.id !== 'zip') return kind;
  const { files } = await upload.archive(file);
  return zipKind(files.map(({ path }) => path)) ?? kind;
}

/** Whole records that begin with a label. Nothing else tells such a file from any other. */
async function isCifar(upload: UploadedParts, file: UploadedFile): Promise<boolean> {
  const { bytes } = await upload.read(file);
  if (bytes.length === 0 || bytes.length % CIFAR_RECORD !== 0) return false;
  for (let at = 0; at < bytes.length; at += CIFAR_RECORD) if (bytes[at] >= 10) return false;
  return true;
}

async function holdsCifar(upload: UploadedParts, file: UploadedFile): Promise<boolean> {
  const { files } = await upload.archive(file);
  return files.some(({ path }) => CIFAR_BATCH.test(path));
}
