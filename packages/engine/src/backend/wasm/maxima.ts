// Max pooling and log-softmax on the wasm backend.
import type { MaximumKernels } from '../backend.ts';
import type { WasmContext } from './context.ts';

export function maxima({ memory, parameters, parallel }: WasmContext): MaximumKernels {
  return {
    maxPool2d(x, out, indices, geometry) {
      const { planes } = geometry;
      parallel.maxPool2d(memory.read(x), memory.write(out), memory.write(indices), parameters.poolSizes(geometry), planes, x.length);
      memory.finish();
    },

    maxPool2dBackward(g, indices, dx, geometry) {
      const { planes } = geometry;
      parallel.maxPool2dBackward(memory.read(g), memory.read(indices), memory.write(dx), parameters.poolSizes(geometry), planes, dx.length);
      memory.finish();
    },

    logSoftmax(x, out, outer, size, inner) {
      parallel.logSoftmax(memory.read(x), memory.write(out), size, inner, outer, 4 * x.length);
      memory.finish();
    },

    logSoftmaxBackward(g, y, dx, outer, size, inner) {
      parallel.logSoftmaxBackward(memory.read(g), memory.read(y), memory.write(dx), size, inner, outer, 4 * g.length);
      memory.finish();
    },
  };
}
