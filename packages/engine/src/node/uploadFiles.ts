// A dataset out of the files that a user brought, which lie on the disk under names of ours: each is looked at, not believed.
// Messages call a file by its part of the form. Where uploads come from and where datasets go to is not known here.
import type { Splits } from '../data/dataset.ts';
import { limitsOf } from '../data/limits.ts';
import type { TablePreparation } from '../data/table/preparation.ts';
import { type HalfParts, joined } from '../data/upload.ts';
import { formatsWith, type UploadFilePart, type UploadFormat, type UploadOptions, uploadFormat } from '../data/uploadFormats/index.ts';
import { type Taken, UploadReport } from '../data/uploadReport.ts';
import { formatReaders } from './uploads/index.ts';
import { formatOf } from './uploads/recognition.ts';
import {
  type PartNames,
  testParts,
  trainParts,
  type UploadedFile,
  UploadedParts,
  type UploadReaderOptions,
} from './uploads/uploadParts.ts';

export type { UploadedFile, UploadReaderOptions } from './uploads/uploadParts.ts';

/** An upload as it was read. */
export interface ReadUpload {
  readonly splits: Splits;
  readonly format: UploadFormat;
  /** What was decided for the user. */
  readonly taken: readonly Taken[];
  /** How a table was prepared; null for other formats. */
  readonly table: TablePreparation | null;
}

/**
 * Reads the files of an upload.
 * @throws UploadError with all faults, each with its part and row, byte or entry; `signal.reason` when aborted.
 */
export async function readUpload(
  files: readonly UploadedFile[],
  options: UploadOptions,
  reader: UploadReaderOptions = {},
): Promise<ReadUpload> {
  const upload = new UploadedParts(files, reader);
  try {
    return await readParts(upload, files, options, reader);
  } finally {
    await upload.close();
  }
}

async function readParts(
  upload: UploadedParts,
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
  // Without a format there is a fault.
  if (format === undefined) throw new TypeError('an upload without a format has no fault');
  const { train, test, table = null } = await formatReaders[format](upload, { options, reader, report });
  if (train === null) report.fault({ part: expectedPart(format) }, expected(format), 'required');
  const splits =
    train === null || train === undefined || test === undefined
      ? undefined
      : await report.attempt({ part: expectedPart(format) }, () =>
          joined(train, test, limitsOf(reader), { train: halfParts(trainParts, upload), test: halfParts(testParts, upload) }),
        );
  report.throwIfFaulty();
  if (splits === undefined) throw new TypeError('an upload that was not read has no fault');
  return { splits, format, taken: report.taken, table };
}

/** Returns the form parts from which a half was read. One file may hold both halves. */
function halfParts({ file, inputs, targets }: PartNames, upload: UploadedParts): HalfParts {
  if (upload.of(inputs).length > 0) return { inputs, targets };
  const sent = upload.of(file).length > 0 ? file : trainParts.file;
  return { inputs: sent, targets: sent };
}

const isPair = (format: UploadFormat): boolean => ['pair', 'pairOrFile'].includes(uploadFormat(format).parts);

const expectedPart = (format: UploadFormat): string => (isPair(format) ? 'inputs' : 'file');

function expected(format: UploadFormat): string {
  if (!isPair(format)) return `${format} data is sent as the part file`;
  const file = uploadFormat(format).parts === 'pairOrFile' ? ', or one .npz as the part file' : '';
  return `${format} data is a pair of files: send the parts inputs and targets${file}`;
}

/** Options that would do nothing are refused. */
function checkOptions(format: UploadFormat, { name: _name, format: _format, ...own }: UploadOptions, report: UploadReport): void {
  for (const [field, value] of Object.entries(own)) {
    const knowing = formatsWith(field);
    if (value === undefined || knowing.includes(format)) continue;
    report.fault({ part: field }, `${field} is for ${knowing.join(', ')}, and these files are ${format}: leave it out`, 'unknownField');
  }
}

/** Files that would not be read are refused. */
function checkParts(format: UploadFormat, upload: UploadedParts, report: UploadReport): void {
  for (const { file, inputs, targets } of [trainParts, testParts]) {
    for (const part of unreadParts(format, upload.of(file).length > 0, { file, inputs, targets })) {
      if (upload.of(part).length > 0) report.fault({ part }, `${part}: ${expected(format)}`, 'unknownField');
    }
  }
}

/** The parts that a format does not read. Where it reads pairs and files, a pair beside a file is not read. */
function unreadParts(format: UploadFormat, isFileSent: boolean, { file, inputs, targets }: PartNames): readonly UploadFilePart[] {
  switch (uploadFormat(format).parts) {
    case 'pair':
      return [file];
    case 'pairOrFile':
      return isFileSent ? [inputs, targets] : [];
    default:
      return [inputs, targets];
  }
}
