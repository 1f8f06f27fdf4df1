// The geometry of sliding windows, once: which input element meets which weight in which output element. A convolution and
// both its gradients are the same walk with another line of arithmetic.
import type { ConvGeometry, PoolGeometry } from '../backend.ts';

/** Visits every product of a convolution by the flat offsets of its input, weight and output element. */
export function forEachConvTap(geometry: ConvGeometry, visit: (input: number, weight: number, output: number) => void): void {
  const { batch, inChannels, height, width, outChannels, kernelHeight, kernelWidth, groups, outHeight, outWidth } = geometry;
  const inPerGroup = inChannels / groups;
  const outPerGroup = outChannels / groups;
  for (let n = 0; n < batch; n++) {
    for (let oc = 0; oc < outChannels; oc++) {
      const firstChannel = Math.floor(oc / outPerGroup) * inPerGroup;
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          const output = ((n * outChannels + oc) * outHeight + oy) * outWidth + ox;
          for (let ic = 0; ic < inPerGroup; ic++) {
            for (let ky = 0; ky < kernelHeight; ky++) {
              const y = oy * geometry.strideHeight - geometry.padTop + ky * geometry.dilationHeight;
              if (y < 0 || y >= height) continue;
              for (let kx = 0; kx < kernelWidth; kx++) {
                const x = ox * geometry.strideWidth - geometry.padLeft + kx * geometry.dilationWidth;
                if (x < 0 || x >= width) continue;
                const input = ((n * inChannels + firstChannel + ic) * height + y) * width + x;
                visit(input, ((oc * inPerGroup + ic) * kernelHeight + ky) * kernelWidth + kx, output);
              }
            }
          }
        }
      }
    }
  }
}

/** Visits every input element of every pooling window: its position in its plane, the plane's offset, and the output element. */
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
