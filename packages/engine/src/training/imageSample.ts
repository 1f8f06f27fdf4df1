// Prepares an image for a prediction, in the same way as the images of the job's dataset.
import { findDataset } from '../data/datasets/index.ts';
import { DataFormatError } from '../data/errors.ts';
import { type ImageSize, type Pixels, writePlanes } from '../data/images/image.ts';
import { colourOf, fitted, type ImagePreparation, inMode, preparationFor } from '../data/images/preparation.ts';
import { formatShape } from '../shape.ts';
import type { JobSpec } from './jobSpec.ts';

/**
 * Returns how images become samples of a job's data. For data that was not uploaded as images: they fill the size of a sample, on white.
 * @throws DataFormatError if the samples are not images
 */
export function imagePreparationOf({ data }: JobSpec): ImagePreparation {
  const { inputShape } = findDataset(data.dataset).describe(data);
  const stored = 'content' in data ? data.content.images : undefined;
  const preparation = stored ?? preparationFor(inputShape);
  if (preparation !== null) return preparation;
  throw new DataFormatError(`the network takes samples of shape ${formatShape(inputShape)}, which are not images: send them as JSON`);
}

/**
 * Returns an image as one sample [channels, height, width].
 * @param stored the size of the image before a decoder reduced it
 * @param isInverted whether to replace each value x by 255 - x, so that black on white becomes white on black
 */
export function imageSample(image: Pixels, stored: ImageSize, preparation: ImagePreparation, isInverted = false): Uint8Array {
  const sample = inMode(fitted(image, stored, preparation, colourOf(preparation.background)), preparation.mode);
  const planes = new Uint8Array(sample.data.length);
  writePlanes(sample, planes, 0);
  if (isInverted) for (let i = 0; i < planes.length; i++) planes[i] = 255 - planes[i];
  return planes;
}
