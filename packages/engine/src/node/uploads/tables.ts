// Tables as delimiter-separated text: a training file, and a test file that is matched by the names of its columns.
import type { NamedBytes } from '../../data/files.ts';
import { readTables } from '../../data/table/readTables.ts';
import { reshaped } from '../../data/upload.ts';
import { olderEncoding } from './olderEncodings.ts';
import { type FormatReader, testParts, trainParts } from './uploadParts.ts';

export const readTableFiles: FormatReader = async (upload, { options, report, reader }) => {
  const files = await report.attempt({ part: trainParts.file }, async () => {
    const train = upload.one(trainParts.file, 'csv');
    const test = upload.one(testParts.file, 'csv');
    return train === null ? null : { train: await upload.unpack(train), test: test === null ? null : await upload.unpack(test) };
  });
  if (files === null || files === undefined) return { train: files, test: null };
  // Each file is gone through twice.
  const share = [files.train, files.test].reduce((sum, file) => sum + (file?.storedBytes ?? 0), 0) / (2 * unpackedBytes(files));
  const counting = { ...reader, onRead: (bytes: number) => reader.onRead?.(bytes * share) };
  const tables = await readTables(files, options, { report, reader: counting, findEncoding: olderEncoding });
  if (tables === undefined) return { train: undefined, test: undefined };
  const { train, test, table } = tables;
  const shaped = await report.attempt({ part: 'inputShape' }, () => ({
    train: reshaped(trainParts.file, train, options.inputShape),
    test: test && reshaped(testParts.file, test, options.inputShape),
  }));
  return { train: shaped?.train, test: shaped?.test, table };
};

const unpackedBytes = ({ train, test }: { train: NamedBytes; test: NamedBytes | null }): number =>
  Math.max(1, train.bytes.length + (test?.bytes.length ?? 0));
