// Moves the pixels of an image. Each row and column of the result is a row and column of the image, or is filled with a constant. Padding,
// cropping and flipping are such moves. The four modes of padding are torchvision's.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { OnnxNodes } from '../../onnx.ts';
import { numpy, type PyTorchTransform } from './define.ts';

const side = z.int().min(0).max(4096);

const paddingModeSchema = z.enum(['constant', 'edge', 'reflect', 'symmetric']);

/** The option `padding` of transforms that pad, with torchvision's orders of the sides. */
export const paddingSchema = z.union([side, z.tuple([side, side]), z.tuple([side, side, side, side])]);
export const paddingDescription = 'Pixels on each side: one number, [left and right, top and bottom], or [left, top, right, bottom]';

/** The other options of transforms that pad, with torchvision's names. */
export const paddingOptions = {
  fill: z.number().default(0).describe('Value of constant padding; a pixel is 0 … 1 before it is normalized'),
  paddingMode: paddingModeSchema
    .default('constant')
    .describe('What the padding holds: `fill`, the edge, or the image mirrored without (reflect) or with (symmetric) its edge'),
};

type Padding = z.output<typeof paddingSchema>;
type PaddingMode = z.output<typeof paddingModeSchema>;

/** Returns the padding as code of a PyTorch script. numpy has all four modes, with torchvision's names. */
export function pythonPadding({ left, top, right, bottom }: Sides, fill: number, mode: PaddingMode): PyTorchTransform {
  if (mode === 'constant') {
    const lines = [`images = nn.functional.pad(images, (${left}, ${right}, ${top}, ${bottom}), value=${fill})`];
    return { lines: left + right + top + bottom === 0 ? [] : lines };
  }
  const sides = `((0, 0), (0, 0), (${top}, ${bottom}), (${left}, ${right}))`;
  return { imports: [numpy], lines: [`images = torch.from_numpy(np.pad(images.numpy(), ${sides}, mode="${mode}"))`] };
}

/** For each row or column of the result: the index of the row or column in the image, or -1 if it is filled. */
export type AxisMap = Int32Array;

interface Sides {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function sidesOf(padding: Padding): Sides {
  if (typeof padding === 'number') return { left: padding, top: padding, right: padding, bottom: padding };
  const [left, top, right = left, bottom = top] = padding;
  return { left, top, right, bottom };
}

/** Checks the padding. @throws ShapeError if an image is too small to be mirrored by this many pixels */
export function checkPadding({ left, top, right, bottom }: Sides, mode: PaddingMode, height: number, width: number): void {
  if (mode === 'constant' || mode === 'edge') return;
  // `reflect` does not repeat the edge, so there is one row less to mirror.
  const most = mode === 'reflect' ? [height - 1, width - 1] : [height, width];
  if (Math.max(top, bottom) > most[0] || Math.max(left, right) > most[1]) {
    throw new ShapeError(
      `padding [${left}, ${top}, ${right}, ${bottom}] mirrors more than a ${height}×${width} image has: use less padding, or another paddingMode`,
      'padding',
    );
  }
}

/** Returns the map of the rows or of the columns of a padded image. */
export function paddedAxis(length: number, before: number, after: number, mode: PaddingMode): AxisMap {
  return Int32Array.from({ length: before + length + after }, (_, i) => source(i - before, length, mode));
}

function source(position: number, length: number, mode: PaddingMode): number {
  if (position >= 0 && position < length) return position;
  const below = position < 0;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return below ? 0 : length - 1;
  if (mode === 'reflect') return below ? -position : 2 * (length - 1) - position;
  return below ? -position - 1 : 2 * length - 1 - position;
}

/** The map of one axis, and the number of rows or columns in the result. */
export interface AxisPart {
  readonly map: AxisMap;
  readonly length: number;
}

/** The size of an image and how its pixels are moved. */
export interface Move {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly rows: AxisPart;
  readonly columns: AxisPart;
  readonly fill: number;
}

/**
 * Adds the same to an ONNX graph, for a batch of images: gathers the rows and columns, and sets those that are filled.
 * @returns the name of the moved images
 */
export function onnxMoved({ input, node, constant, integers }: OnnxNodes, rows: AxisMap, columns: AxisMap, fill: number): string {
  const axis = (images: string, map: AxisMap, dim: number): string =>
    node('Gather', [images, integers([...map].map((from) => Math.max(0, from)))], { axis: dim });
  const moved = axis(axis(input, rows, 2), columns, 3);
  if (!rows.includes(-1) && !columns.includes(-1)) return moved;
  const filled = [...rows].flatMap((y) => [...columns].map((x) => (y < 0 || x < 0 ? 1 : 0)));
  const shape = [1, 1, rows.length, columns.length];
  const kept = node('Mul', [
    moved,
    constant(
      filled.map((isFilled) => 1 - isFilled),
      shape,
    ),
  ]);
  return fill === 0
    ? kept
    : node('Add', [
        kept,
        constant(
          filled.map((isFilled) => isFilled * fill),
          shape,
        ),
      ]);
}

/** Writes the moved image. The map of the rows is used from index `top` on, and the map of the columns from index `left` on. */
export function move(
  { channels, height, width, rows, columns, fill }: Move,
  top: number,
  left: number,
  from: Float32Array,
  fromAt: number,
  out: Float32Array,
  outAt: number,
): void {
  let at = outAt;
  for (let channel = 0; channel < channels; channel++) {
    const plane = fromAt + channel * height * width;
    for (let row = 0; row < rows.length; row++) {
      const y = rows.map[top + row];
      const line = plane + y * width;
      for (let column = 0; column < columns.length; column++) {
        const x = columns.map[left + column];
        out[at++] = y < 0 || x < 0 ? fill : from[line + x];
      }
    }
  }
}
