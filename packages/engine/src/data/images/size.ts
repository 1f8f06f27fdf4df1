// The check of what an image's header says, before anything is unpacked by it.
import { DataFormatError } from '../errors.ts';

/** @throws DataFormatError for an image without pixels or with too many. */
export function checkSize(name: string, width: number, height: number, maxPixels: number): void {
  if (width < 1 || height < 1) throw new DataFormatError(`${name}: an image of ${width}×${height} has no pixels`);
  if (width * height > maxPixels) {
    throw new DataFormatError(
      `${name}: an image of ${width}×${height} has ${width * height} pixels, which is over the limit of ${maxPixels}`,
    );
  }
}
