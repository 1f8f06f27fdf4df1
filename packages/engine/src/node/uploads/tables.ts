// Tables as delimiter-separated text: a training file, and a test file that is matched by the names of its columns.
import { readTables } from '../../data/table/readTables.ts';
import { reshaped } from '../../data/upload.ts';
import { olderEncoding } from './olderEncodings.ts';
import { type FormatReader, testParts, trainParts } from './uploadParts.ts';

export const readTableFiles: FormatReader = async (upload, { options, report, reader }) => {
  const files = await report.attempt({ part: trainParts.file }, async () => {
    const train = upload.one(trainParts.file, 'csv');
    const test = upload.one(testParts.file, 'csv');
    return train === null ? null : { train: await upload.read(train), test: test === null ? null : await upload.read(test) };
  });
  if (files === null || files === undefined) return { train: files, test: null };
  const tables = await readTables(files, options, { report, reader, findEncoding: olderEncoding });
  if (tables === undefined) return { train: undefined, test: undefined };
  const { train, test, table } = tables;
  const shaped = await report.attempt({ part: 'inputShape' }, () => ({
    train: reshaped(trainParts.file, train, options.inputShape),
    test: test && reshaped(testParts.file, test, options.inputShape),
  }));
  return { train: shaped?.train, test: shaped?.test, table };
};
