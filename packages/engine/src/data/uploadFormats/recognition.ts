// Recognises the format of an upload from its files. The faults of files that no format reads say what to send instead.
import { DataFormatError } from '../errors.ts';
import { type FileKind, fileKind, shownBytes, zipKind } from '../fileKinds/index.ts';
import { looksLikeText } from '../table/encoding.ts';
import type { UploadReport } from '../uploadReport.ts';
import { suggestedFormats, type UploadFormat, uploadFormatDefinitions } from './index.ts';
import type { UploadedFile, UploadedParts } from './parts.ts';

/** The recognised kind of a file. */
interface Content {
  /** With its article, for messages. */
  readonly name: string;
  /** The format that reads the file as this part, or null if none does. */
  readonly format: UploadFormat | null;
  /** The advice if no format reads the file as this part. */
  readonly remedy: string;
  /** False if the file might also be of another format. */
  readonly isCertain: boolean;
}

const pairParts: readonly string[] = ['inputs', 'targets', 'testInputs', 'testTargets'];

/**
 * Recognises the format of an upload.
 * @param given the format that the form names. If it is given, the files are only checked against it.
 * @returns undefined if there are faults, which go to the report
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
  // If the file's kind is not certain, the format that the form names is used.
  if (given !== undefined && !isCertain) return null;
  if (content.format === null || format === undefined) return `${part} is ${name}: ${remedy}`;
  return given === undefined
    ? `${part} is ${name}, but the other files are ${format}: send files of one format`
    : `${part} is ${name}, but the field format is ${format}: remove format`;
}

async function contentOf(upload: UploadedParts, file: UploadedFile): Promise<Content> {
  const { part } = file;
  const head = await upload.head(file);
  if (head.length === 0) throw new DataFormatError(`${part} is empty: it has 0 bytes`);
  if (looksLikeText(head) && head.every((byte) => byte <= 0x20)) throw new DataFormatError(`${part} is empty: it has only blanks`);
  const content = pairParts.includes(part) ? await halfOfPair(upload, file, head) : await wholeFile(upload, file, head);
  return (
    content ?? { name: `of no known kind (its first bytes are ${shownBytes(head)})`, format: null, remedy: expected, isCertain: false }
  );
}

/** Recognises a file that was sent as the part `file` or `testFile`. */
async function wholeFile(upload: UploadedParts, file: UploadedFile, head: Uint8Array): Promise<Content | null> {
  for (const { name, detection } of uploadFormatDefinitions) {
    const { content } = detection;
    if (content !== undefined && (await content.test(head, async () => (await upload.read(file)).bytes))) {
      return { name: content.shown, format: name, remedy: '', isCertain: true };
    }
  }
  const kind = await kindOf(upload, file, head);
  if (kind !== null) {
    const format = (await formatOfArchive(upload, file, kind)) ?? readerOf(kind, 'fileKinds');
    return { name: kind.name, format, remedy: kind.remedy, isCertain: !looksLikeText(head) };
  }
  if (!looksLikeText(head) && !text.isDamaged(head)) return null;
  return { name: 'text', format: text.format, remedy: text.remedy, isCertain: true };
}

/** Recognises a file that was sent as half of a pair. */
async function halfOfPair(upload: UploadedParts, file: UploadedFile, head: Uint8Array): Promise<Content | null> {
  const kind = await kindOf(upload, file, head);
  if (kind !== null) {
    return { name: kind.name, format: readerOf(kind, 'pairKinds'), remedy: remedyOfPair(kind), isCertain: !looksLikeText(head) };
  }
  return looksLikeText(head) ? { name: 'text', format: null, remedy: text.remedy, isCertain: true } : null;
}

/** Returns the format that reads files of a kind as these parts. */
function readerOf({ id }: FileKind, parts: 'fileKinds' | 'pairKinds'): UploadFormat | null {
  return uploadFormatDefinitions.find(({ detection }) => detection[parts]?.includes(id))?.name ?? null;
}

/** Returns the format that is recognised by the paths of the files in an archive, or null. */
async function formatOfArchive(upload: UploadedParts, file: UploadedFile, { id }: FileKind): Promise<UploadFormat | null> {
  if (id !== 'zip' && id !== 'tar') return null;
  const { files } = await upload.archive(file);
  const found = uploadFormatDefinitions.find(({ detection }) => files.some(({ path }) => detection.archivePath?.test(path)));
  return found?.name ?? null;
}

async function kindOf(upload: UploadedParts, file: UploadedFile, head: Uint8Array): Promise<FileKind | null> {
  const kind = fileKind(head);
  if (kind?.id !== 'zip') return kind;
  const { files } = await upload.archive(file);
  return zipKind(files.map(({ path }) => path)) ?? kind;
}

/** The format that reads every text that no other format recognises. */
const text = textFormat();

function textFormat() {
  for (const { name, detection } of uploadFormatDefinitions) if (detection.text !== undefined) return { format: name, ...detection.text };
  throw new TypeError('no upload format reads text');
}

const either = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.slice(-1).join('')}`;

const pairs = suggestedFormats.flatMap(({ pair }) => pair ?? []);

const expected = `expected ${either(suggestedFormats.flatMap(({ file }) => file?.shown ?? []))} as the part file, or ${either(pairs)} arrays as the parts inputs and targets`;

/** Returns the advice for a file that was sent as half of a pair, if no format reads it as half of a pair. */
function remedyOfPair(kind: FileKind): string {
  const pairsAre = `inputs and targets are for ${pairs.join(' and ')} arrays`;
  if (readerOf(kind, 'fileKinds') !== null) return `send it as the part file; ${pairsAre}`;
  return kind.group === 'image' ? kind.remedy : `${pairsAre}; ${kind.remedy}`;
}
