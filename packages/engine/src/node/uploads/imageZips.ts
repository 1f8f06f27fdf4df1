// Zips of images in folders, one a class.
import { readImageZip } from '../imageFiles.ts';
import { type FormatReader, readHalves } from './uploadParts.ts';

export const readImageZips: FormatReader = async (upload, context) =>
  await readHalves(
    context,
    async (names) => {
      const file = upload.one(names.file, 'images');
      return file === null ? null : await readImageZip(file.path, context.reader, names.file);
    },
    ({ file }) => file,
  );
