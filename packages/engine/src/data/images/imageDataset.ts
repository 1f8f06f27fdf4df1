// Makes a dataset from image files in one folder per class. An adapter reads the files (from a folder, zip or tar), and the decoder is
// injected. Classes and samples are in the order of their names, as in torchvision's ImageFolder.
import { type Dataset, sharableBytes } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import { checkMemory, limitsOf, type ReaderLimits, type ReaderOptions } from '../limits.ts';
import type { FaultPlace, UploadReport } from '../uploadReport.ts';
import { type DecodedImage, type ImageDecoder, writePlanes } from './image.ts';
import { type ClassFile, type FileSource, imageFolders } from './imageFolders.ts';

/**
 * The files of a folder or an archive. Not all of them need to be images. `folders` are the folders that an archive lists as separate
 * entries.
 */
export interface ImageFiles {
  readonly files: readonly FileSource[];
  readonly folders: readonly string[];
}

export interface ImageDatasetOptions extends ReaderOptions {
  readonly decodeImage: ImageDecoder;
  /** Collects decisions and faults. */
  readonly report: UploadReport;
}

/** How many images are decoded at the same time, while the next images are read. */
const AT_A_TIME = 8;

/**
 * Reads and decodes all images. Returns the training and the test part, with samples of shape [channels, height, width].
 * @param part the name of the form part, for messages
 * @returns undefined if there are faults. They are added to the report
 * @throws UploadError if there are too many faults
 * @throws `signal.reason` if aborted
 */
export async function imageDataset(
  part: string,
  { files, folders }: ImageFiles,
  options: ImageDatasetOptions,
): Promise<{ readonly train: Dataset; readonly test: Dataset | null } | undefined> {
  const { report } = options;
  const limits = limitsOf(options);
  const sorted = imageFolders(part, files, folders, report);
  const { train, test } = sorted;
  if (train.length + (test?.length ?? 0) > limits.files) {
    throw new DataFormatError(`${part}: ${train.length + (test?.length ?? 0)} files are over the limit of ${limits.files}`);
  }
  if (train.length === 0 && !report.hasFaults) {
    throw new DataFormatError(`${part}: there are no images in class folders: expected class/name.png, one folder per class`);
  }
  const classes = classesOf(part, train, test, limits, report);
  const reader = new ImageReader(part, options, limits, train.length + (test?.length ?? 0));
  const parts = [await reader.read(train, classes), test === null ? null : await reader.read(test, classes)] as const;
  reader.report();
  if (report.hasFaults) return undefined;
  return { train: reader.dataset(parts[0], classes), test: parts[1] === null ? null : reader.dataset(parts[1], classes) };
}

/** Returns the classes of the training part, sorted by name. Reports a fault for each class that only the test part has. */
function classesOf(
  part: string,
  train: readonly ClassFile[],
  test: readonly ClassFile[] | null,
  limits: ReaderLimits,
  report: UploadReport,
): readonly string[] {
  const classes = [...new Set(train.map(({ className }) => className))];
  if (classes.length > limits.classes) {
    throw new DataFormatError(`${part}: ${classes.length} class folders are over the limit of ${limits.classes}`);
  }
  const foreign = [...new Set((test ?? []).map(({ className }) => className))].filter((name) => !classes.includes(name));
  for (const name of foreign) {
    const first = test?.find(({ className }) => className === name)?.path ?? name;
    report.fault(
      { part, entry: first },
      `${part}: the test part has a class ${JSON.stringify(name)} (${first}), which the training part does not have`,
      'unknownClass',
    );
  }
  return classes;
}

/** The decoded images and the labels of one part. */
interface ReadPart {
  readonly length: number;
  readonly targets: Int32Array;
  readonly inputs: Uint8Array;
}

/** Decodes images. All must have the same size and number of channels as the first one; images that differ are counted. */
class ImageReader {
  readonly #part: string;
  readonly #options: ImageDatasetOptions;
  readonly #limits: ReaderLimits;
  readonly #total: number;
  /** The first image decides the shape. */
  #shape: Pick<DecodedImage, 'width' | 'height' | 'channels'> | null = null;
  /** For each combination of size and colours: the number of images and the path of the first one. */
  readonly #sizes = new Map<string, { readonly first: string; count: number }>();
  readonly #done = { isRotated: 0, isTransparent: 0, isConverted: 0 };
  /** The bytes of all decoded images, including images that differ from the first. */
  #decodedBytes = 0;

  constructor(part: string, options: ImageDatasetOptions, limits: ReaderLimits, total: number) {
    this.#part = part;
    this.#options = options;
    this.#limits = limits;
    this.#total = total;
  }

  async read(files: readonly ClassFile[], classes: readonly string[]): Promise<ReadPart> {
    const { report, signal } = this.#options;
    const targets = new Int32Array(sharableBytes(4 * files.length).buffer);
    const numbers = new Map(classes.map((name, number) => [name, number]));
    let inputs: Uint8Array | null = null;
    for (let start = 0; start < files.length; start += AT_A_TIME) {
      signal?.throwIfAborted();
      const group = files.slice(start, start + AT_A_TIME);
      const decoded = await Promise.allSettled(group.map(async (file) => await this.#decode(file)));
      for (const [i, result] of decoded.entries()) {
        const file = group[i];
        const place: FaultPlace = { part: this.#part, entry: file.path };
        // A DataFormatError is added to the report, and reading continues. Any other error ends the reading.
        const image = await report.attempt(place, async () =>
          result.status === 'fulfilled' ? result.value : await Promise.reject(result.reason as Error),
        );
        if (image === undefined || !this.#count(file.path, image)) continue;
        inputs ??= sharableBytes(files.length * image.data.length);
        writePlanes(image, inputs, (start + i) * image.data.length);
        targets[start + i] = numbers.get(file.className) ?? -1;
      }
    }
    return { length: files.length, targets, inputs: inputs ?? new Uint8Array() };
  }

  async #decode(file: ClassFile): Promise<DecodedImage> {
    const name = `${this.#part}/${file.path}`;
    const { fileBytes, pixels } = this.#limits;
    if (file.bytes > fileBytes)
      throw new DataFormatError(`${name}: ${file.bytes} bytes are over the limit of ${fileBytes} for an image file`);
    return await this.#options.decodeImage({ name, bytes: await file.read() }, pixels);
  }

  /**
   * Counts an image. Returns whether it has the size and channels of the first one.
   * @throws DataFormatError if all images together are too large
   */
  #count(path: string, { width, height, channels, data, ...done }: DecodedImage): boolean {
    this.#decodedBytes += data.length;
    if (this.#decodedBytes > this.#limits.bytes) {
      throw new DataFormatError(`${this.#part}: its images unpack to more than the limit of ${this.#limits.bytes} bytes`);
    }
    if (this.#shape === null) {
      this.#shape = { width, height, channels };
      checkMemory(this.#part, this.#total, [channels, height, width], this.#total * (data.length + 4), this.#limits);
    }
    const size = `${width}×${height} ${channels === 1 ? 'grey' : 'colour'}`;
    const same = this.#sizes.get(size) ?? { first: path, count: 0 };
    same.count += 1;
    this.#sizes.set(size, same);
    for (const key of ['isRotated', 'isTransparent', 'isConverted'] as const) this.#done[key] += Number(done[key]);
    return this.#shape.width === width && this.#shape.height === height && this.#shape.channels === channels;
  }

  /** Reports how images were changed, and reports a fault if they differ in size or colours. */
  report(): void {
    const { report } = this.#options;
    const part = this.#part;
    const { isRotated, isTransparent, isConverted } = this.#done;
    const count = (images: number): string => (images === 1 ? '1 image was' : `${images} images were`);
    if (isRotated > 0) report.choice(part, { rotated: isRotated }, `${count(isRotated)} turned upright by the orientation in EXIF data`);
    if (isTransparent > 0) report.choice(part, { background: '#ffffff' }, `${count(isTransparent)} transparent and now on white`);
    if (isConverted > 0) report.choice(part, { colours: 'sRGB' }, `${count(isConverted)} converted from a colour profile to sRGB`);
    if (this.#sizes.size < 2) return;
    const sizes = [...this.#sizes].toSorted(([, a], [, b]) => b.count - a.count);
    const listed = sizes.slice(0, 10).map(([size, { count: images, first }]) => `${size} (${images}, such as ${first})`);
    const more = sizes.length > listed.length ? ` and ${sizes.length - listed.length} more` : '';
    report.fault(
      { part },
      `${part}: all images must have one size and colours, but there are ${listed.join(', ')}${more}`,
      'shapeMismatch',
    );
  }

  dataset({ length, inputs, targets }: ReadPart, classes: readonly string[]): Dataset {
    const { channels, height, width } = this.#shape ?? { channels: 1, height: 0, width: 0 };
    return { length, inputShape: [channels, height, width], inputs, target: { kind: 'class', classes }, targets };
  }
}
