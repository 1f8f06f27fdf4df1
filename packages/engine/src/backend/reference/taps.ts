// The geometry of sliding windows: which input element and which weight belong to which output element. A convolution and both its
// gradients visit the same elements and differ in a few lines of arithmetic.
import type { ConvGeometry, PoolGeometry } from '../types.ts';

/** The outputs along one side for which the kernel's element `at` reads the input and not the padding. */
interface Span {
  readonly at: number;
  readonly firstOutput: number;
  readonly firstInput: number;
  readonly count: number;
}

function spansOf(inputs: number, outputs: number, kernel: number, stride: number, dilation: number, pad: number): Span[] {
  return Array.from({ length: kernel }, (_, at) => {
    // Output o reads input o * stride + shift.
    const shift = at * dilation - pad;
    const firstOutput = Math.max(0, Math.ceil(-shift / stride));
    const end = Math.min(outputs, Math.ceil((inputs - shift) / stride));
    return { at, firstOutput, firstInput: firstOutput * stride + shift, count: end - firstOutput };
  }).filter(({ count }) => count > 0);
}

/**
 * Called with one weight and the `rows` × `columns` outputs that use it. `input` and `output` are the flat offsets of the first input
 * element and the first output element.
 */
type VisitWeight = (weight: number, input: number, output: number, rows: number, columns: number) => void;

/**
 * Visits each weight of a convolution once for each image. An output element is visited with its weights in the order in which they are
 * stored. With `reversed`, an input element is visited with the output elements of a channel in the order in which they are stored.
 */
export function forEachConvWeight(geometry: ConvGeometry, visit: VisitWeight, reversed = false): void {
  const { batch, inChannels, height, width, outChannels, kernelHeight, kernelWidth, groups, outHeight, outWidth } = geometry;
  const inPerGroup = inChannels / groups;
  const outPerGroup = outChannels / groups;
  const ordered = (spans: Span[]): Span[] => (reversed ? spans.toReversed() : spans);
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft } = geometry;
  const vertical = ordered(spansOf(height, outHeight, kernelHeight, strideHeight, dilationHeight, padTop));
  const horizontal = ordered(spansOf(width, outWidth, kernelWidth, strideWidth, dilationWidth, padLeft));
  for (let n = 0; n < batch; n++) {
    for (let oc = 0; oc < outChannels; oc++) {
      const outPlane = (n * outChannels + oc) * outHeight;
      for (let ic = 0; ic < inPerGroup; ic++) {
        const inPlane = (n * inChannels + Math.floor(oc / outPerGroup) * inPerGroup + ic) * height;
        for (const rows of vertical) {
          const weights = ((oc * inPerGroup + ic) * kernelHeight + rows.at) * kernelWidth;
          for (const columns of horizontal) {
            const input = (inPlane + rows.firstInput) * width + columns.firstInput;
            const output = (outPlane + rows.firstOutput) * outWidth + columns.firstOutput;
            visit(weights + columns.at, input, output, rows.count, columns.count);
          }
        }
      }
    }
  }
}

/**
 * Visits every input element of every pooling window. `visit` gets the element's position in its plane, the plane's offset, and the index
 * of the output element.
 */
export function forEachPoolTap(geometry: PoolGeometry, visit: (position: number, plane: number, output: number) => void): void {
  const { planes, height, width, kernelHeight, kernelWidth, outHeight, outWidth } = geometry;
  for (let plane = 0; plane < planes; plane++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const output = (plane * outHeight + oy) * outWidth + ox;
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * geometry.strideHeight - geometry.padTop + ky * geometry.dilationHeight;
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const x = ox * geometry.strideWidth - geometry.padLeft + kx * geometry.dilationWidth;
            if (x < 0 || x >= width) continue;
            visit(y * width + x, plane * height * width, output);
          }
        }
      }
    }
  }
}
