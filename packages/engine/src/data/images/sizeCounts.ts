// Counts the sizes of the images of an upload. If they differ, the error lists them and proposes one size.
import type { ImageSize } from './image.ts';

/** A size, how many images have it, and the path of one of them. */
interface CountedSize extends ImageSize {
  readonly path: string;
  readonly images: number;
}

/** The largest side of a proposed size, in pixels. Networks for photos are usually trained with this size. */
const MOST_PROPOSED = 224;
/** How many sizes an error lists. */
const MOST_LISTED = 10;

export class SizeCounts {
  readonly #counts = new Map<string, CountedSize>();

  add({ width, height }: ImageSize, path: string): void {
    const key = `${width}×${height}`;
    const known = this.#counts.get(key);
    // The images arrive in no fixed order, so the first path in the order of paths is kept.
    const first = known === undefined || path < known.path ? path : known.path;
    this.#counts.set(key, { width, height, path: first, images: (known?.images ?? 0) + 1 });
  }

  /** Whether there are several sizes. */
  get areMixed(): boolean {
    return this.#counts.size > 1;
  }

  /** Returns the sizes, the most frequent one first. */
  listed(): readonly CountedSize[] {
    return [...this.#counts.values()].toSorted((a, b) => b.images - a.images || a.height - b.height || a.width - b.width);
  }

  /** Returns the text of the error for images of several sizes. */
  refusal(): string {
    const sizes = this.listed();
    const shown = sizes
      .slice(0, MOST_LISTED)
      .map(({ width, height, images, path }) => `${width}×${height} (${images}, such as ${path})`)
      .join(', ');
    const more = sizes.length > MOST_LISTED ? ` and ${sizes.length - MOST_LISTED} more sizes` : '';
    return `the images have ${sizes.length} sizes (width×height): ${shown}${more}. Send imageSize to scale all images to one size, such as imageSize=${JSON.stringify(this.proposal())} (height, width)`;
  }

  /**
   * Returns a size [height, width] for all images: the size of at least half of them if its sides have at most 224 pixels; else a square
   * with the median of the shorter sides, at most 224.
   */
  proposal(): readonly [number, number] {
    const sizes = this.listed();
    const [first] = sizes;
    const total = sizes.reduce((sum, { images }) => sum + images, 0);
    if (first === undefined) return [MOST_PROPOSED, MOST_PROPOSED];
    if (2 * first.images >= total && Math.max(first.width, first.height) <= MOST_PROPOSED) return [first.height, first.width];
    const sides = sizes.map(({ width, height, images }) => ({ side: Math.min(width, height), images })).toSorted((a, b) => a.side - b.side);
    let counted = 0;
    const median = sides.find(({ images }) => {
      counted += images;
      return 2 * counted >= total;
    });
    const side = Math.min(MOST_PROPOSED, median?.side ?? MOST_PROPOSED);
    return [side, side];
  }
}
