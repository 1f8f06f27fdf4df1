// Maps an image by an affine map, with the nearest pixel, as torchvision.transforms.v2.functional.rotate and affine do. Pixels that come
// from outside the image are filled. The coordinates are rounded to float32 at the same steps as in torchvision, so that the same pixel is
// the nearest one. The file also has the same functions in Python, and the options of both transforms.
import { z } from 'zod';
import { cos, sin } from '../../math.ts';
import { type Range, rangeSchema } from './ranges.ts';

const f = Math.fround;

/** The map from a pixel of the result to its place in the image, [a, b, c, d, e, f]: x = a·X + b·Y + c and y = d·X + e·Y + f. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

/** The parameters of a map, in degrees and pixels. */
export interface AffineParameters {
  readonly angle: number;
  readonly translate: readonly [x: number, y: number];
  readonly scale: number;
  readonly shear: readonly [x: number, y: number];
  /** The centre of rotation, counted from the middle of the image. */
  readonly centre: readonly [x: number, y: number];
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Returns the inverse of the map: translation, rotation, scale and shears about the centre, in torchvision's order. */
export function inverseMatrix({ angle, translate, scale, shear, centre: [cx, cy] }: AffineParameters): AffineMatrix {
  const rotation = radians(angle);
  const shearY = radians(shear[1]);
  const tangent = sin(radians(shear[0])) / cos(radians(shear[0]));
  const a = cos(rotation - shearY) / cos(shearY);
  const b = -(a * tangent + sin(rotation));
  const c = sin(rotation - shearY) / cos(shearY);
  const d = cos(rotation) - c * tangent;
  const [m0, m1, m3, m4] = [d / scale, -b / scale, -c / scale, a / scale];
  const x = cx + translate[0];
  const y = cy + translate[1];
  return [m0, m1, cx - m0 * x - m1 * y, m3, m4, cy - m3 * x - m4 * y];
}

/**
 * Returns the matrix of a counter-clockwise rotation of an image of this size. Half turns about the middle are exact, and for square images
 * also quarter turns.
 */
export function rotationMatrix(angle: number, centre: readonly [x: number, y: number], height: number, width: number): AffineMatrix {
  const turned = angle - 360 * Math.floor(angle / 360);
  if (centre[0] === 0 && centre[1] === 0) {
    if (turned === 0) return [1, 0, 0, 0, 1, 0];
    if (turned === 180) return [-1, 0, 0, 0, -1, 0];
    if (turned === 90 && height === width) return [0, -1, 0, 1, 0, 0];
    if (turned === 270 && height === width) return [0, 1, 0, -1, 0, 0];
  }
  return inverseMatrix({ angle: -turned, translate: [0, 0], scale: 1, shear: [0, 0], centre });
}

/** Writes the mapped image, which has the same size, to `out`. */
export function mapNearest(
  matrix: AffineMatrix,
  [channels, height, width]: readonly [number, number, number],
  fill: number,
  from: Float32Array,
  fromAt: number,
  out: Float32Array,
  outAt: number,
): void {
  const [halfWidth, halfHeight] = [f(width * 0.5), f(height * 0.5)];
  const [a, b, c] = [f(f(matrix[0]) / halfWidth), f(f(matrix[1]) / halfWidth), f(f(matrix[2]) / halfWidth)];
  const [d, e, g] = [f(f(matrix[3]) / halfHeight), f(f(matrix[4]) / halfHeight), f(f(matrix[5]) / halfHeight)];
  const pixels = height * width;
  for (let row = 0; row < height; row++) {
    const y = row - (height - 1) / 2;
    for (let column = 0; column < width; column++) {
      const x = column - (width - 1) / 2;
      const at = row * width + column;
      const sourceX = nearest(f(f(f(x * a) + y * b) + c), halfWidth);
      const sourceY = nearest(f(f(f(x * d) + y * e) + g), halfHeight);
      const isInside = sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height;
      let source = fromAt + sourceY * width + sourceX;
      for (let o = outAt + at, channel = 0; channel < channels; channel++, o += pixels, source += pixels) {
        out[o] = isInside ? from[source] : fill;
      }
    }
  }
}

/** Returns the nearest index for a coordinate from -1 to 1, in an axis of 2 · `half` pixels. A half is rounded to the even index. */
function nearest(coordinate: number, half: number): number {
  const place = f(f(f(coordinate + 1) * half) - 0.5);
  const below = Math.floor(place);
  const rest = place - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** The schema of an angle in degrees: the largest angle in both directions, or [least, most]. */
export const degreesSchema = z.union([z.number().min(0).max(3600), rangeSchema(-3600, 3600)]);

export const degreesOf = (degrees: number | Range): Range => (typeof degrees === 'number' ? [-degrees, degrees] : degrees);

/** The schema of a centre [x, y] in pixels from the upper left corner. */
export const centreSchema = z.tuple([z.number(), z.number()]).optional();

export const fillSchema = z.number().default(0);

/** Returns a centre counted from the middle of the image. @param center the centre from the upper left corner. Default: the middle */
export function centreOf(
  center: readonly [x: number, y: number] | undefined,
  height: number,
  width: number,
): readonly [x: number, y: number] {
  return center === undefined ? [0, 0] : [center[0] - width / 2, center[1] - height / 2];
}

export const pythonCentre = (center: readonly [number, number] | undefined, height: number, width: number): string =>
  `(${centreOf(center, height, width).join(', ')})`;

export const pythonAffine = `def inverse_matrix(angle, translate, scale, shear, centre):
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -(a * math.tan(shear_x) + math.sin(turn))
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = math.cos(turn) - c * math.tan(shear_x)
    p, q, r, s = d / scale, -b / scale, -c / scale, a / scale
    x, y = centre[0] + translate[0], centre[1] + translate[1]
    return p, q, centre[0] - p * x - q * y, r, s, centre[1] - r * x - s * y


def rotation_matrix(angle, centre, height, width):
    turned = angle % 360
    exact = {0: (1, 0, 0, 0, 1, 0), 180: (-1, 0, 0, 0, -1, 0)}
    if height == width:
        exact.update({90: (0, -1, 0, 1, 0, 0), 270: (0, 1, 0, -1, 0, 0)})
    if centre == (0, 0) and turned in exact:
        return exact[turned]
    return inverse_matrix(-turned, (0, 0), 1, (0, 0), centre)


def map_nearest(image, matrix, fill):
    """The nearest pixels. Coordinates are rounded to float32 after each step."""
    height, width = image.shape[-2:]
    columns = np.arange(width)[None, :] - (width - 1) / 2
    rows = np.arange(height)[:, None] - (height - 1) / 2
    single = lambda values: np.asarray(values).astype(np.float32).astype(np.float64)
    places = []
    for factors, size in ((matrix[:3], width), (matrix[3:], height)):
        a, b, c = (single(single(factor) / (size / 2)) for factor in factors)
        place = single(single(single(columns * a) + rows * b) + c)
        places.append(np.rint(single(single(single(place + 1) * (size / 2)) - 0.5)).astype(np.int64))
    x, y = places
    inside = torch.from_numpy((x >= 0) & (x < width) & (y >= 0) & (y < height))
    mapped = image[:, torch.from_numpy(y.clip(0, height - 1)), torch.from_numpy(x.clip(0, width - 1))]
    return torch.where(inside, mapped, fill)`;
