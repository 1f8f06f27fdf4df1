// Draws parts of images with a random area and aspect ratio, as torchvision's RandomResizedCrop and RandomErasing do: ten attempts, of
// which the first that fits is used.
import { exp, log } from '../../math.ts';
import type { Draws } from './draws.ts';
import { between, type Range, roundHalfEven } from './ranges.ts';

const ATTEMPTS = 10;

/** How many numbers are used for the attempts. */
export const ATTEMPT_DRAWS = 2 * ATTEMPTS;

/** The limits of the drawn sizes. */
export interface PartLimits {
  /** The area as a share of the image's area. */
  readonly scale: Range;
  readonly ratio: Range;
}

/**
 * Draws a size [long, across] with long = √(area · ratio) and across = √(area / ratio). Returns null if none of ten sizes fits. It uses the
 * numbers with the indices `from` to `from` + 19.
 */
export function drawSize(
  draws: Draws,
  from: number,
  area: number,
  { scale, ratio }: PartLimits,
  fits: (long: number, across: number) => boolean,
): readonly [long: number, across: number] | null {
  const logRatio: Range = [log(ratio[0]), log(ratio[1])];
  draws.skipTo(from);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const drawnArea = area * between(scale, draws.uniform());
    const aspect = exp(between(logRatio, draws.uniform()));
    const long = roundHalfEven(Math.sqrt(drawnArea * aspect));
    const across = roundHalfEven(Math.sqrt(drawnArea / aspect));
    if (fits(long, across)) return [long, across];
  }
  return null;
}

/** The function {@link drawSize} in Python. `row` has the numbers of the sample, as a list. */
export const pythonDrawSize = `def draw_size(row, area, scale, ratio, fits):
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for i in range(0, ${ATTEMPT_DRAWS}, 2):
        drawn = area * (scale[0] + row[i] * (scale[1] - scale[0]))
        aspect = math.exp(low + row[i + 1] * (high - low))
        size = round(math.sqrt(drawn * aspect)), round(math.sqrt(drawn / aspect))
        if fits(*size):
            return size
    return None`;
