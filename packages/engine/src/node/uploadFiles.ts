// Reads a dataset from the files of an upload, which are on the disk. A file is recognised by its content and not by its name. Messages
// name the form part in which the file was sent.
import type { Splits } from '../data/dataset.ts';
import { limitsOf } from '../data/limits.ts';
import { type HalfParts, joined } from '../data/upload.ts';
import type { UploadPreparation } from '../data/uploadedContent.ts';
import type { UploadReaderOptions } from '../data/uploadFormats/define.ts';
import { formatsWith, type UploadFormat, type UploadOptions, uploadFormat } from '../data/uploadFormats/index.ts';
import { type PartNames, testParts, trainParts, type UploadedFile, type UploadFilePart } from '../data/uploadFormats/parts.ts';
import { formatOf } from '../data/uploadFormats/recognition.ts';
import { type ChosenSetting, UploadReport } from '../data/uploadReport.ts';
import { olderEncoding } from './uploads/olderEncodings.ts';
import { PartsOnDisk } from './uploads/partsOnDisk.ts';

export type { UploadReaderOptions } from '../data/uploadFormats/define.ts';
export type { UploadedFile } from '../data/uploadFormats/parts.ts';

/** The result of reading an upload. */
export interface ReadUpload {
  readonly splits: Splits;
  readonly format: UploadFormat;
  /** Decisions that the reader made because the user did not, such as the delimiter of a table. */
  readonly taken: readonly ChosenSetting[];
  /** How a table or images were prepared. Empty for other formats. */
  readonly preparation: UploadPreparation;
  /** For images: the number of ignored files and folders. Null for other formats. */
  readonly skipped: number | null;
}

/**
 * Reads the files of an upload.
 * @throws UploadError if the files have faults. It has all faults, each with its place
 * @throws `signal.reason` if aborted
 */
export async function readUpload(
  files: readonly UploadedFile[],
  options: UploadOptions,
  reader: UploadReaderOptions = {},
): Promise<ReadUpload> {
  const upload = new PartsOnDisk(files, reader);
  try {
    return await readParts(upload, files, options, reader);
  } finally {
    await upload.close();
  }
}

async function readParts(
  upload: PartsOnDisk,
  files: readonly UploadedFile[],
  options: UploadOptions,
  reader: UploadReaderOptions,
): Promise<ReadUpload> {
  const report = new UploadReport();
  const format = await formatOf(upload, files, options.format, report);
  if (format !== undefined) {
    checkOptions(format, options, report);
    checkParts(format, upload, report);
  }
  report.throwIfFaulty();
  // `formatOf` reports a fault whenever it returns no format.
  if (format === undefined) throw new TypeError('an upload without a format has no fault');
  const { train, test, table, images } = await uploadFormat(format).read(upload, {
    options,
    reader,
    report,
    findEncoding: olderEncoding,
  });
  if (train === null) report.fault({ part: expectedPart(format) }, expected(format), 'required');
  const splits =
    train === null || train === undefined || test === undefined
      ? undefined
      : await report.attempt({ part: expectedPart(format) }, () =>
          joined(train, test, limitsOf(reader), { train: halfParts(trainParts, upload), test: halfParts(testParts, upload) }),
        );
  report.throwIfFaulty();
  if (splits === undefined) throw new TypeError('an upload that was not read has no fault');
  const preparation = { ...(table !== undefined && { table }), ...(images !== undefined && { images: images.preparation }) };
  return { splits, format, taken: report.choices, preparation, skipped: images?.skipped ?? null };
}

/** Returns the form parts from which a half was read. One file may hold both halves. */
function halfParts({ file, inputs, targets }: PartNames, upload: PartsOnDisk): HalfParts {
  if (upload.of(inputs).length > 0) return { inputs, targets };
  const sent = upload.of(file).length > 0 ? file : trainParts.file;
  return { inputs: sent, targets: sent };
}

const expectedPart = (format: UploadFormat): string => (uploadFormat(format).pair === null ? 'file' : 'inputs');

function expected(format: UploadFormat): string {
  const { file, pair } = uploadFormat(format);
  if (pair === null) return `${format} data is sent as the part file`;
  const alternative = file === null ? '' : `, or one ${file.shown.replace(/^an? /, '')} as the part file`;
  return `${format} data is a pair of files: send the parts inputs and targets${alternative}`;
}

/** Refuses form fields that the format does not have. */
function checkOptions(format: UploadFormat, { name: _name, format: _format, ...own }: UploadOptions, report: UploadReport): void {
  for (const [field, value] of Object.entries(own)) {
    const knowing = formatsWith(field);
    if (value === undefined || knowing.includes(format)) continue;
    report.fault({ part: field }, `${field} is for ${knowing.join(', ')}, and these files are ${format}: leave it out`, 'unknownField');
  }
}

/** Refuses files that the format does not read. */
function checkParts(format: UploadFormat, upload: PartsOnDisk, report: UploadReport): void {
  for (const { file, inputs, targets } of [trainParts, testParts]) {
    for (const part of unreadParts(format, upload.of(file).length > 0, { file, inputs, targets })) {
      if (upload.of(part).length > 0) report.fault({ part }, `${part}: ${expected(format)}`, 'unknownField');
    }
  }
}

/**
 * Returns the parts that a format does not read. A format may read pairs and single files. If a single file was sent, it does not also read
 * a pair.
 */
function unreadParts(format: UploadFormat, isFileSent: boolean, { file, inputs, targets }: PartNames): readonly UploadFilePart[] {
  const definition = uploadFormat(format);
  if (definition.file === null) return [file];
  return definition.pair === null || isFileSent ? [inputs, targets] : [];
}
