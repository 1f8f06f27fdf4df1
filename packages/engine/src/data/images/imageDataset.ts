// A dataset from image files sorted into folders, one a class: class/name.png. Where the files lie (a folder, a zip) is
// the adapter's business (src/node/imageFiles.ts). Classes and samples are in the order of their names, as torchvision's
// ImageFolder has them.
import { type Dataset, sharableBytes } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import { Breather, checkMemory, limitsOf, type ReaderLimits, type ReaderOptions } from '../limits.ts';
import { decodeImage, type Pixels } from './image.ts';

/** One file that may be an image. */
export interface ImageSource {
  /** From the root of the folder or zip, with slashes: cats/1.png. */
  readonly path: string;
  read(): Promise<Uint8Array>;
}

/** A source whose place says its class. */
interface Sample extends ImageSource {
  readonly className: string;
}

/**
 * Reads and decodes every image into a split [channels, height, width].
 * @param name the folder's or zip's, for messages
 * @throws DataFormatError that names the file: one that is no image, lies in no class's folder or has another size or
 *   other channels than the first; `signal.reason` when aborted.
 */
export async function imageDataset(name: string, sources: readonly ImageSource[], options: ReaderOptions = {}): Promise<Dataset> {
  const limits = limitsOf(options);
  const breather = new Breather(options);
  const samples = samplesOf(name, sources, limits);
  const classes = [...new Set(samples.map(({ className }) => className))];
  if (classes.length > limits.classes) {
    throw new DataFormatError(`${name}: ${classes.length} folders of classes are over the limit of ${limits.classes}`);
  }
  const classIndex = new Map(classes.map((className, i) => [className, i]));
  const targets = new Int32Array(sharableBytes(4 * samples.length).buffer);
  let first: Pixels | null = null;
  let inputs: Uint8Array = new Uint8Array();
  for (const [i, sample] of samples.entries()) {
    options.signal?.throwIfAborted();
    const image = decodeImage({ name: `${name}/${sample.path}`, bytes: await sample.read() }, limits.pixels);
    if (first === null) {
      first = image;
      const { channels, height, width, data } = image;
      checkMemory(name, samples.length, [channels, height, width], samples.length * (data.length + 4), limits);
      inputs = sharableBytes(samples.length * data.length);
    }
    checkSame(`${name}/${sample.path}`, image, `${name}/${samples[0].path}`, first);
    writePlanes(image, inputs, i * image.data.length);
    targets[i] = classIndex.get(sample.className) ?? -1;
    await breather.breathe();
  }
  if (first === null) throw new DataFormatError(`${name}: no images in folders of classes: expected class/name.png or class/name.jpg`);
  const { channels, height, width } = first;
  return { length: samples.length, inputShape: [channels, height, width], inputs, target: { kind: 'class', classes }, targets };
}

/** What operating systems leave in folders and zips. */
const leftovers = /(^|\/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini)(\/|$)/;

function samplesOf(name: string, sources: readonly ImageSource[], limits: ReaderLimits): Sample[] {
  const files = sources.filter(({ path }) => !leftovers.test(path));
  if (files.length > limits.files) throw new DataFormatError(`${name}: ${files.length} files are over the limit of ${limits.files}`);
  const wrapper = commonFolder(files);
  const samples = files.map((source): Sample => {
    const { path } = source;
    const parts = path.slice(wrapper.length).split('/');
    if (parts.length !== 2 || !/\.(png|jpe?g)$/i.test(path)) {
      throw new DataFormatError(`${name}: ${JSON.stringify(path)} is not class/name.png or class/name.jpg`);
    }
    return { path, read: () => source.read(), className: parts[0] };
  });
  return samples.toSorted((a, b) => compare(a.className, b.className) || compare(a.path, b.path));
}

/** Zips often hold one folder that holds all else. */
function commonFolder([first, ...others]: readonly ImageSource[]): string {
  if (first === undefined || first.path.split('/').length !== 3) return '';
  const folder = first.path.slice(0, first.path.indexOf('/') + 1);
  return others.every(({ path }) => path.startsWith(folder)) ? folder : '';
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function checkSame(name: string, image: Pixels, firstName: string, first: Pixels): void {
  if (image.width === first.width && image.height === first.height && image.channels === first.channels) return;
  const shape = ({ width, height, channels }: Pixels): string => `${width}×${height} ${channels === 1 ? 'grey' : 'colour'}`;
  throw new DataFormatError(`${name} is ${shape(image)}, but ${firstName} is ${shape(first)}: all images must be alike`);
}

/** From the channels of each pixel together to one plane a channel. */
export function writePlanes({ width, height, channels, data }: Pixels, out: Uint8Array, offset: number): void {
  const plane = width * height;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) out[offset + channel * plane + i] = data[i * channels + channel];
  }
}
