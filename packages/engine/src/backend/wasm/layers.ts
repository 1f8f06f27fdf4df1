// Activations and normalisation on the wasm backend.
import { activationOps } from '../activations.ts';
import type { LayerKernels } from '../layerKernels.ts';
import type { WasmContext } from './context.ts';
import { numbersOf } from './operationNumbers.ts';

const activationNumbers = numbersOf(activationOps);

export function layers({ memory, kernels, parallel }: WasmContext): LayerKernels {
  return {
    activation(op, x, out, a, b) {
      const { length } = out;
      const units = kernels.blocksOf(length);
      parallel.activation(activationNumbers[op], memory.read(x), memory.write(out), length, a, b, units, length);
      memory.finish();
    },

    activationBackward(op, g, x, dx, a, b) {
      const { length } = dx;
      const units = kernels.blocksOf(length);
      parallel.activationBackward(activationNumbers[op], memory.read(g), memory.read(x), memory.write(dx), length, a, b, units, length);
      memory.finish();
    },

    channelMoments(x, mean, variance, { outer, channels, inner }) {
      parallel.channelMoments(memory.read(x), memory.write(mean), memory.write(variance), outer, channels, inner, channels, x.length);
      memory.finish();
    },

    channelProducts(g, x, mean, sums, products, layout) {
      const { outer, channels, inner } = layout;
      const ofG = memory.read(g);
      const ofX = memory.read(x);
      const center = memory.read(mean);
      const ofSums = memory.write(sums);
      const ofProducts = memory.write(products);
      parallel.channelProducts(ofG, ofX, center, ofSums, ofProducts, outer, channels, inner, channels, x.length);
      memory.finish();
    },

    channelScale(x, mean, scale, shift, out, layout) {
      const { outer, channels, inner } = layout;
      const from = memory.read(x);
      const center = memory.read(mean);
      const factor = memory.read(scale);
      const offset = memory.read(shift);
      parallel.channelScale(from, center, factor, offset, memory.write(out), channels, inner, outer * channels, x.length);
      memory.finish();
    },

    channelCombine(g, x, mean, gFactor, xFactor, shift, dx, { outer, channels, inner }) {
      const ofG = memory.read(g);
      const ofX = memory.read(x);
      const center = memory.read(mean);
      const first = memory.read(gFactor);
      const second = memory.read(xFactor);
      const offset = memory.read(shift);
      const rows = outer * channels;
      parallel.channelCombine(ofG, ofX, center, first, second, offset, memory.write(dx), channels, inner, rows, x.length);
      memory.finish();
    },
  };
}
