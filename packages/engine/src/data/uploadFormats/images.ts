// Reads zips and tars of images with one folder per class. The form fields say how the images become samples of one size.
import { z } from 'zod';
import { ArgumentError } from '../../errors.ts';
import type { Archive } from '../archive.ts';
import { DataFormatError } from '../errors.ts';
import { type FileKind, fileKind, KIND_HEAD_BYTES } from '../fileKinds/index.ts';
import { isImageName, isLeftover } from '../images/imageFolders.ts';
import { type ImageParts, imageParts } from '../images/imageParts.ts';
import { datasetOf, ImageReader } from '../images/imageReader.ts';
import { colourText, imageFits, imageModes } from '../images/preparation.ts';
import { limitsOf, type ReaderOptions } from '../limits.ts';
import { looksLikeText } from '../table/encoding.ts';
import type { UploadReport } from '../uploadReport.ts';
import { defineUploadFormat } from './define.ts';
import { sizeText } from './fields.ts';
import { oneFile, type UploadedParts, type UploadFilePart } from './parts.ts';

const options = {
  imageSize: sizeText
    .optional()
    .describe(
      'For images: height and width of a sample in pixels, such as `[224,224]`, or one number for both. Default: the size of the images, which must be equal',
    ),
  imageFit: z
    .enum(imageFits)
    .optional()
    .describe(
      'For images: how an image gets the size `imageSize`. `crop` (default) scales the image so that it fills the size, and keeps the middle; `pad` scales it so that it fits, and adds the background; `stretch` scales both sides',
    ),
  imageMode: z
    .enum(imageModes)
    .optional()
    .describe('For images: `rgb` or `grey`. Default: `rgb` if at least half of the files store colours'),
  imageBackground: z
    .string()
    .toLowerCase()
    .pipe(colourText)
    .optional()
    .describe('For images: the colour under transparent pixels, and around images with `pad`. Default: `#ffffff`'),
};

export const images = defineUploadFormat({
  name: 'images',
  title: 'an archive of images',
  rank: 2,
  file: {
    shown: 'a zip or tar of images',
    description: 'a zip or tar of images in one folder per class (or in `train/` and `test/`)',
  },
  pair: null,
  options,
  detection: { fileKinds: ['zip', 'tar'] },
  async read(upload, { options: fields, reader, report }) {
    const { openImage } = reader;
    if (openImage === undefined) throw new ArgumentError('images need a decoder: give readUpload the option openImage');
    const open = async (part: UploadFilePart) => await report.attempt({ part }, async () => await opened(upload, part, reader, report));
    const [file, testFile] = [await open('file'), await open('testFile')];
    if (file === null) return { train: null, test: null };
    if (file?.parts.test != null && testFile != null) {
      report.fault({ part: 'testFile' }, 'testFile: file already contains a folder of test images: do not send testFile');
    }
    if (testFile?.parts.test != null) report.fault({ part: 'testFile' }, 'testFile: contains folders of two parts: send it as file');
    const archives = [file, testFile].filter((archive) => archive != null);
    const total = archives.reduce((sum, { parts: { train, test } }) => sum + train.length + (test?.length ?? 0), 0);
    const images = new ImageReader({ ...reader, openImage, report, fields, total });
    const read = async (archive: OpenedArchive | undefined | null) => (archive == null ? null : await readParts(archive, images));
    const [parts, testParts] = [await read(file), await read(testFile)];
    const preparation = images.preparation('file');
    if (preparation === null || parts === null) return { train: undefined, test: undefined };
    const test = parts.test ?? testParts?.train ?? null;
    return {
      train: datasetOf(parts.train, preparation),
      test: test && datasetOf(test, preparation),
      images: { preparation, skipped: archives.reduce((sum, { parts: { skipped } }) => sum + skipped, 0) },
    };
  },
});

interface OpenedArchive {
  readonly part: UploadFilePart;
  readonly parts: ImageParts;
  /** The bytes in the upload for each unpacked byte of an image. */
  readonly share: number;
}

/** Opens the archive of a part and sorts its files. Returns null without a file, and undefined if names in the archive have faults. */
async function opened(
  upload: UploadedParts,
  part: UploadFilePart,
  reader: ReaderOptions,
  report: UploadReport,
): Promise<OpenedArchive | null | undefined> {
  const file = oneFile(upload, part, 'images');
  if (file === null) return null;
  const archive = await upload.archive(file);
  reportNames(part, archive, report);
  if (archive.faults.length > 0) return undefined;
  await checkForImages(part, archive);
  const parts = imageParts(part, archive, limitsOf(reader), report);
  const unpacked = [...parts.train, ...(parts.test ?? [])].reduce((sum, { bytes }) => sum + bytes, 0);
  return { part, parts, share: archive.storedBytes / Math.max(1, unpacked) };
}

/** Reads the images of an archive. The test part is null if the archive has none. */
async function readParts({ part, parts: { train, test, classes }, share }: OpenedArchive, images: ImageReader) {
  return {
    train: await images.read({ part, files: train, classes, share }),
    test: test === null ? null : await images.read({ part, files: test, classes, share }),
  };
}

/**
 * The maximum number of merged folders that are reported. A folder is merged if the archive has it in two spellings. Further folders are
 * merged without a report.
 */
const mostMerged = 20;

function reportNames(part: string, { faults, nameEncoding, merged }: Archive, report: UploadReport): void {
  for (const { entry, message } of faults) report.fault({ part, entry }, message, 'invalidFile');
  if (nameEncoding !== 'UTF-8') {
    report.choice(
      part,
      { encoding: nameEncoding },
      `the names in the zip are not UTF-8 and were read as ${nameEncoding}: check the names of the classes`,
    );
  }
  for (const folder of merged.slice(0, mostMerged)) {
    report.choice(
      part,
      { merged: folder },
      `two folders ${JSON.stringify(folder)} differ only in their Unicode form (NFC, NFD), and are used as one folder`,
    );
  }
}

/** Returns the advice for an archive without images. @param kind the kind of the first file in it, or null for text */
function remedyOf(kind: FileKind | null, files: number): string {
  if (kind?.group === 'archive' || kind?.group === 'packed') return 'unpack it, and send its content';
  if (kind !== null) return kind.remedy;
  return files === 1
    ? 'send a CSV as it is, without the archive'
    : 'send a CSV as it is, without the archive, as the part file, and a CSV of test data as testFile';
}

/** @throws DataFormatError if the archive has no images. The message names the kind of its first file. */
async function checkForImages(part: string, { kind, files }: Archive): Promise<void> {
  const own = files.filter(({ path }) => !isLeftover(path));
  const [first] = own;
  if (first === undefined || own.some(({ path }) => isImageName(path))) return;
  const head = (await first.read()).subarray(0, KIND_HEAD_BYTES);
  const found = fileKind(head);
  if (found?.group === 'image' || (found === null && !looksLikeText(head))) return;
  const remedy = remedyOf(found, own.length);
  const what = `${JSON.stringify(first.path)} is ${found?.name ?? 'text'}`;
  throw new DataFormatError(
    `${part}: a ${kind} must contain images, and this one contains none: ${what}. ${remedy[0].toUpperCase()}${remedy.slice(1)}`,
  );
}
