// Reads zips and tars of images with one folder per class.
import { ArgumentError } from '../../errors.ts';
import type { Archive } from '../archive.ts';
import { DataFormatError } from '../errors.ts';
import { type FileKind, fileKind, KIND_HEAD_BYTES } from '../fileKinds/index.ts';
import { imageDataset } from '../images/imageDataset.ts';
import { isImageName, isLeftover } from '../images/imageFolders.ts';
import { looksLikeText } from '../table/encoding.ts';
import type { UploadReport } from '../uploadReport.ts';
import { defineUploadFormat, type ReadHalves } from './define.ts';
import { oneFile, type UploadFilePart } from './parts.ts';

export const images = defineUploadFormat({
  name: 'images',
  title: 'an archive of images',
  rank: 2,
  file: {
    shown: 'a zip or tar of images',
    description: 'a zip or tar of images in one folder per class (or in `train/` and `test/`)',
  },
  pair: null,
  options: {},
  detection: { fileKinds: ['zip', 'tar'] },
  async read(upload, { reader, report }) {
    const { decodeImage } = reader;
    if (decodeImage === undefined) throw new ArgumentError('images need a decoder: give readUpload the option decodeImage');
    const read = async (part: UploadFilePart) =>
      await report.attempt({ part }, async () => {
        const file = oneFile(upload, part, 'images');
        if (file === null) return null;
        const archive = await upload.archive(file);
        reportNames(part, archive, report);
        if (archive.faults.length > 0) return undefined;
        await checkForImages(part, archive);
        return await imageDataset(part, archive, { ...reader, decodeImage, report });
      });
    const [file, testFile] = [await read('file'), await read('testFile')];
    if (file === null || file === undefined) return { train: file, test: null };
    if (testFile === null || testFile === undefined) return { train: file.train, test: testFile === null ? file.test : undefined };
    return withTestFile(file, testFile, report);
  },
});

function withTestFile(file: Parts, testFile: Parts, report: UploadReport): ReadHalves {
  if (file.test !== null)
    report.fault({ part: 'testFile' }, 'testFile: file already contains a folder of test images: do not send testFile');
  if (testFile.test !== null) report.fault({ part: 'testFile' }, 'testFile: contains folders of two parts: send it as file');
  return { train: file.train, test: testFile.train };
}

type Parts = NonNullable<Awaited<ReturnType<typeof imageDataset>>>;

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
