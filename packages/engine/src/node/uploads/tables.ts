// Tables as delimiter-separated text.
import { csvDataset } from '../../data/csv.ts';
import { reshaped } from '../../data/upload.ts';
import { type FormatReader, readHalves } from './uploadParts.ts';

export const readTables: FormatReader = async (upload, context) =>
  await readHalves(
    context,
    async (names) => {
      const file = upload.one(names.file, 'csv');
      if (file === null) return null;
      const { targetColumn, targetKind, inputShape } = context.options;
      const table = await csvDataset(await upload.read(file), {
        ...context.reader,
        ...(targetColumn !== undefined && { target: targetColumn }),
        ...(targetKind !== undefined && { kind: targetKind }),
      });
      return reshaped(names.file, table, inputShape);
    },
    ({ file }) => file,
  );
