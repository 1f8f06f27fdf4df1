// Reads the binary format of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html). A record has one byte for the label and 3,072 bytes
// for the pixels: the red, the green and the blue plane. The file's size gives the number of records.
import { type Dataset, sharableBytes } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';

const PIXELS = 3 * 32 * 32;
export const CIFAR_RECORD = 1 + PIXELS;

/** Matches the batch files in the published archive, cifar-10-binary.tar.gz. */
export const CIFAR_BATCH = /(^|\/)(data_batch_\d+|test_batch)\.bin$/;

/** Returns the number of records in a file. @throws DataFormatError if the file is empty or its last record is incomplete */
export function cifarRecords({ name, bytes }: NamedBytes): number {
  const records = bytes.length / CIFAR_RECORD;
  if (Number.isInteger(records) && records > 0) return records;
  throw new DataFormatError(
    `${name}: ${bytes.length} bytes are not whole records of ${CIFAR_RECORD}: ${Math.floor(records)} records and ${bytes.length % CIFAR_RECORD} bytes`,
  );
}

/**
 * Returns one split of colour images [3, 32, 32]. The samples are in the order of the files.
 * @param classes the names of the classes. A label is an index into this list
 * @param limit the maximum number of records to read. The first records are read
 * @throws DataFormatError if a file is malformed or a label is not an index of `classes`
 */
export function cifarDataset(files: readonly NamedBytes[], classes: readonly string[], limit: number): Dataset {
  const length = Math.min(
    limit,
    files.reduce((sum, file) => sum + cifarRecords(file), 0),
  );
  const inputs = sharableBytes(length * PIXELS);
  const targets = sharableBytes(length);
  let sample = 0;
  for (const { name, bytes } of files) {
    for (let at = 0; at < bytes.length && sample < length; at += CIFAR_RECORD) {
      const label = bytes[at];
      if (label >= classes.length) {
        throw new DataFormatError(
          `${name}: label ${label} at byte ${at} is none of the ${classes.length} classes 0 to ${classes.length - 1}`,
        );
      }
      targets[sample] = label;
      inputs.set(bytes.subarray(at + 1, at + CIFAR_RECORD), sample * PIXELS);
      sample += 1;
    }
  }
  return { length, inputShape: [3, 32, 32], inputs, target: { kind: 'class', classes }, targets };
}
