// Pairs of files: IDX and NPY.
import { DataFormatError } from '../../data/errors.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { NamedBytes } from '../../data/files.ts';
import { idxDataset, parseIdx } from '../../data/idx.ts';
import { npyDataset } from '../../data/npy.ts';
import { numberedClasses } from '../../data/upload.ts';
import { type FormatReader, readHalves } from './uploadParts.ts';

function pairReader(read: (x: NamedBytes, y: NamedBytes, context: Parameters<FormatReader>[1]) => Dataset): FormatReader {
  return async (upload, context) =>
    await readHalves(
      context,
      async (names) => {
        const [inputs, targets] = [upload.of(names.inputs), upload.of(names.targets)];
        if (inputs.length === 0 && targets.length === 0) return null;
        if (inputs.length !== 1 || targets.length !== 1) {
          throw new DataFormatError(`${names.inputs} and ${names.targets} are a pair, got ${inputs.length} and ${targets.length} files`);
        }
        return read(await upload.read(inputs[0]), await upload.read(targets[0]), context);
      },
      ({ inputs }) => inputs,
    );
}

export const readIdxPair: FormatReader = pairReader((x, y) => {
  const labels = parseIdx(y.bytes, y.name).data;
  return idxDataset(x, y, numberedClasses(1 + Math.max(0, ...new Set(labels))));
});

export const readNpyPair: FormatReader = pairReader((x, y, { reader }) => npyDataset(x, y, reader));
