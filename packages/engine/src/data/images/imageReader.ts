// Reads the images of an upload and prepares them as samples of one size and one mode. The form fields decide how; what they leave out is
// decided here and reported. An adapter reads the files (from a folder, zip or tar), and the decoder is injected.
import type { Dataset } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import { limitsOf, type ReaderLimits, type ReaderOptions } from '../limits.ts';
import { formatShape } from '../../shape.ts';
import type { UploadReport } from '../uploadReport.ts';
import type { DecodedImage, ImageOpener, ImageSize, OpenedImage, Pixels } from './image.ts';
import type { ClassFile } from './imageFolders.ts';
import { colourOf, decodingFor, fitted, type ImageFitting, type ImagePreparation, inMode, isCut, WHITE } from './preparation.ts';
import { PixelBudget } from './pixelBudget.ts';
import { SampleStore } from './sampleStore.ts';
import { SizeCounts } from './sizeCounts.ts';

/** The form fields of images. A field that was not sent is undefined. */
export interface ImageFields {
  readonly imageSize?: ImagePreparation['size'] | undefined;
  readonly imageFit?: ImagePreparation['fit'] | undefined;
  readonly imageMode?: ImagePreparation['mode'] | undefined;
  readonly imageBackground?: string | undefined;
}

export interface ImageReaderOptions extends ReaderOptions {
  readonly openImage: ImageOpener;
  /** Collects decisions and faults. */
  readonly report: UploadReport;
  readonly fields: ImageFields;
  /** The number of all images of the upload. */
  readonly total: number;
}

/** How many images are read at the same time. A decoder may use a thread for each. */
const AT_A_TIME = 4;

/** The images of a part of the upload. */
export interface ImagePart {
  /** The name of the form part, for messages. */
  readonly part: string;
  readonly files: readonly ClassFile[];
  readonly classes: readonly string[];
  /** The bytes in the upload for each unpacked byte of a file. */
  readonly share: number;
}

/** The samples of a part that were read. */
export interface ReadImages {
  readonly part: ImagePart;
  readonly targets: Int32Array;
  /** Null if there is no sample. */
  readonly store: SampleStore | null;
}

/** An image that was read: its size and colours, and its sample. The sample is null if it is not needed. */
interface Outcome extends ImageSize {
  readonly isColour: boolean;
  readonly image: (Pixels & Pick<DecodedImage, 'isRotated' | 'isTransparent' | 'isConverted'>) | null;
}

export class ImageReader {
  readonly #options: ImageReaderOptions;
  readonly #limits: ReaderLimits;
  readonly #budget = new PixelBudget();
  readonly #sizes = new SizeCounts();
  readonly #done = { isRotated: 0, isTransparent: 0, isConverted: 0 };
  readonly #background: string;
  #colours = 0;
  #cut = 0;
  /** The error if all samples together need too much memory. */
  #tooLarge: string | null = null;

  constructor(options: ImageReaderOptions) {
    this.#options = options;
    this.#limits = limitsOf(options);
    this.#background = options.fields.imageBackground ?? WHITE;
  }

  /**
   * Reads the images of a part. Faults go to the report.
   * @throws UploadError if there are too many faults
   * @throws `signal.reason` if aborted
   */
  async read(part: ImagePart): Promise<ReadImages> {
    const { files, classes } = part;
    const numbers = new Map(classes.map((name, number) => [name, number]));
    const targets = Int32Array.from(files, ({ className }) => numbers.get(className) ?? -1);
    let store: SampleStore | null = null;
    // The images are decoded at the same time, but reported and stored in their order.
    const pending: Promise<PromiseSettledResult<Outcome>>[] = [];
    for (const [index, file] of files.entries()) {
      for (const next of files.slice(index + pending.length, index + AT_A_TIME)) pending.push(settled(this.#outcomeOf(part, next)));
      const outcome = await this.#report(part, file, await pending.shift());
      if (outcome?.image == null) continue;
      store ??= new SampleStore(files.length, outcome.image);
      store.set(index, outcome.image);
    }
    return { part, targets, store };
  }

  async #outcomeOf({ part, share }: ImagePart, file: ClassFile): Promise<Outcome> {
    const { signal, openImage, onRead, fields } = this.#options;
    const { fileBytes, pixels } = this.#limits;
    const name = `${part}/${file.path}`;
    signal?.throwIfAborted();
    try {
      if (file.bytes > fileBytes) {
        throw new DataFormatError(`${name}: ${file.bytes} bytes are over the limit of ${fileBytes} for an image file`);
      }
      const opened = await openImage({ name, bytes: await file.read() }, pixels);
      const { width, height, isColour } = opened;
      this.#sizes.add(opened, file.path);
      // Samples are not needed if the upload is refused: without the field imageSize, all images must have one size.
      const isNeeded = this.#fits(opened, this.#fittingOf(opened)) && (fields.imageSize !== undefined || !this.#sizes.areMixed);
      return { width, height, isColour, image: isNeeded ? await this.#sampleOf(opened) : null };
    } finally {
      onRead?.(file.bytes * share);
    }
  }

  async #sampleOf(opened: OpenedImage): Promise<Outcome['image']> {
    const { fields } = this.#options;
    const fitting = this.#fittingOf(opened);
    const background = colourOf(this.#background);
    return await this.#budget.run(opened.width * opened.height, async () => {
      const { isRotated, isTransparent, isConverted, ...pixels } = await opened.decode(decodingFor(opened, fitting, background));
      const sample = fitted(pixels, opened, fitting, background);
      return { isRotated, isTransparent, isConverted, ...(fields.imageMode === undefined ? sample : inMode(sample, fields.imageMode)) };
    });
  }

  #fittingOf({ width, height }: ImageSize): ImageFitting {
    const { imageSize = [height, width], imageFit = 'crop' } = this.#options.fields;
    return { size: imageSize, fit: imageFit };
  }

  /** Returns whether all samples fit into the memory. Keeps the text of the error if they do not. */
  #fits({ isColour }: OpenedImage, { size: [height, width] }: ImageFitting): boolean {
    const { total, fields } = this.#options;
    const channels = (fields.imageMode ?? (isColour ? 'rgb' : 'grey')) === 'rgb' ? 3 : 1;
    const bytes = total * (channels * height * width + 4);
    if (bytes <= this.#limits.bytes) return true;
    this.#tooLarge = `${total} samples of shape ${formatShape([channels, height, width])} take ${bytes} bytes, which is over the limit of ${this.#limits.bytes}`;
    return false;
  }

  /** Adds an image's faults to the report and counts what was done to it. Returns undefined for an image with a fault. */
  async #report({ part }: ImagePart, { path }: ClassFile, result: PromiseSettledResult<Outcome> | undefined): Promise<Outcome | undefined> {
    if (result === undefined) throw new TypeError('an image was not read');
    // A DataFormatError is added to the report, and reading continues. Any other error ends the reading.
    const outcome = await this.#options.report.attempt({ part, entry: path }, async () =>
      result.status === 'fulfilled' ? result.value : await Promise.reject(result.reason as Error),
    );
    if (outcome === undefined) return undefined;
    this.#colours += Number(outcome.isColour);
    this.#cut += Number(isCut(outcome, this.#fittingOf(outcome)));
    for (const key of ['isRotated', 'isTransparent', 'isConverted'] as const) this.#done[key] += Number(outcome.image?.[key] ?? false);
    return outcome;
  }

  /**
   * Ends the reading: decides the mode, and reports decisions. Reports a fault if the sizes differ and the form has no
   * imageSize, or if the samples need too much memory.
   * @param part the name of the form part, for messages
   */
  preparation(part: string): ImagePreparation | null {
    const { report, fields, total } = this.#options;
    this.#reportChanges(part);
    if (fields.imageSize === undefined && this.#sizes.areMixed) {
      report.fault({ part }, `${part}: ${this.#sizes.refusal()}`, 'shapeMismatch');
    } else if (this.#tooLarge !== null) {
      const smaller = fields.imageSize === undefined ? 'imageSize' : 'a smaller imageSize';
      report.fault({ part }, `${part}: ${this.#tooLarge}: send ${smaller}, such as imageSize=${JSON.stringify(this.#sizes.proposal())}`);
    }
    const [first] = this.#sizes.listed();
    if (report.hasFaults || first === undefined) return null;
    const mode = fields.imageMode ?? (2 * this.#colours >= total ? 'rgb' : 'grey');
    if (fields.imageMode === undefined && this.#colours > 0 && this.#colours < total) {
      report.choice('imageMode', mode, `${this.#colours} of ${total} images store colours, the others only grey values.`);
    }
    if (fields.imageFit === undefined && this.#cut > 0) {
      report.choice('imageFit', 'crop', `${count(this.#cut)} scaled to fill the size, and cut at two sides.`);
    }
    return { ...this.#fittingOf(first), mode, background: this.#background };
  }

  #reportChanges(part: string): void {
    const { report, fields } = this.#options;
    const { isRotated, isTransparent, isConverted } = this.#done;
    if (isRotated > 0) report.choice(part, { rotated: isRotated }, `${count(isRotated)} turned upright by the orientation in EXIF data`);
    if (isTransparent > 0 && fields.imageBackground === undefined) {
      report.choice('imageBackground', WHITE, `${count(isTransparent)} transparent and now on white`);
    }
    if (isConverted > 0) report.choice(part, { colours: 'sRGB' }, `${count(isConverted)} converted from a colour profile to sRGB`);
  }
}

/** Makes the dataset of a part. Its samples have the shape [channels, height, width]. */
export function datasetOf({ part, targets, store }: ReadImages, { size, mode }: ImagePreparation): Dataset {
  return {
    length: part.files.length,
    inputShape: [mode === 'rgb' ? 3 : 1, ...size],
    inputs: store?.inMode(mode) ?? new Uint8Array(),
    target: { kind: 'class', classes: part.classes },
    targets,
  };
}

const count = (images: number): string => (images === 1 ? '1 image was' : `${images} images were`);

/** Waits for a result or an error. The returned promise never rejects, so the result can be taken later. */
async function settled<T>(step: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([step]);
  return result;
}
