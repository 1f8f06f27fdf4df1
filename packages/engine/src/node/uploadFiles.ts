// A dataset out of the files that a user brought, which lie on the disk under names of ours: each is looked at, not believed.
// Messages call a file by its part of the form. Where uploads come from and where datasets go to is not known here.
import { open } from 'node:fs/promises';
import type { Splits } from '../data/dataset.ts';
import { DataFormatError } from '../data/errors.ts';
import { limitsOf, type ReaderOptions } from '../data/limits.ts';
import { looksLikeText } from '../data/table/encoding.ts';
import type { TablePreparation } from '../data/table/preparation.ts';
import { joined } from '../data/upload.ts';
import { formatsWith, uploadFormat, type UploadFormat, type UploadOptions } from '../data/uploadFormats/index.ts';
import { type Taken, UploadReport } from '../data/uploadReport.ts';
import { formatReaders } from './uploads/index.ts';
import { isGzip, type PartNames, testParts, trainParts, type UploadedFile, UploadedParts } from './uploads/uploadParts.ts';

export type { UploadedFile } from './uploads/uploadParts.ts';

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
export async function readUpload(files: readonly UploadedFile[], options: UploadOptions, reader: ReaderOptions = {}): Promise<ReadUpload> {
  const report = new UploadReport();
  const upload = new UploadedParts(files, reader);
  const format = options.format ?? (await report.attempt({ part: firstPart(files) }, async () => await recognised(upload)));
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
      : await report.attempt({ part: expectedPart(format) }, () => joined(train, test, limitsOf(reader)));
  report.throwIfFaulty();
  if (splits === undefined) throw new TypeError('an upload that was not read has no fault');
  return { splits, format, taken: report.taken, table };
}

const firstPart = (files: readonly UploadedFile[]): string => files[0]?.part ?? 'file';

const isPair = (format: UploadFormat): boolean => uploadFormat(format).parts === 'pair';

const expectedPart = (format: UploadFormat): string => (isPair(format) ? 'inputs' : 'file');

function expected(format: UploadFormat): string {
  return isPair(format)
    ? `${format} data is a pair of files: send the parts inputs and targets`
    : `${format} data is sent as the part file`;
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
  const strange = ({ file, inputs, targets }: PartNames) => (isPair(format) ? [file] : [inputs, targets]);
  for (const part of [...strange(trainParts), ...strange(testParts)]) {
    if (upload.of(part).length > 0) report.fault({ part }, `${part}: ${expected(format)}`, 'unknownField');
  }
}

/** By the first bytes of the first file, as far as they say it. */
async function recognised(upload: UploadedParts): Promise<UploadFormat> {
  const [inputs] = upload.of('inputs');
  const [file] = upload.of('file');
  if (inputs === undefined && file === undefined) {
    throw new DataFormatError('there is nothing to train on: send a part file, or the parts inputs and targets');
  }
  if (file === undefined) return (await headOf(upload, inputs))[0] === 0x93 ? 'npy' : 'idx';
  const head = await headOf(upload, file);
  if (head[0] === 0x50 && head[1] === 0x4b) return 'images';
  return looksLikeText(head) ? 'csv' : 'cifar';
}

/** What a file begins with, unpacked if it is gzipped. */
async function headOf(upload: UploadedParts, file: UploadedFile): Promise<Uint8Array> {
  const head = await firstBytes(file.path);
  return isGzip(head) ? (await upload.read(file)).bytes.subarray(0, HEAD_BYTES) : head;
}

/** What it takes to tell a table from pixels. */
const HEAD_BYTES = 4096;

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
