// Moves and mixes elements by position on the wasm backend.
import type { MovementKernels } from '../movementKernels.ts';
import type { WasmContext } from './context.ts';

export function movement({ memory, kernels, parallel }: WasmContext): MovementKernels {
  return {
    copyRuns(x, from, out, to, count, length) {
      const source = memory.read(x) + from.start * 4;
      const target = memory.update(out) + to.start * 4;
      parallel.copyRuns(source, from.step, target, to.step, length, count, count * length);
      memory.finish();
    },

    selectRows(x, indices, out, { outer, size, inner }) {
      const { length: count } = indices;
      parallel.selectRows(memory.read(x), memory.read(indices), memory.write(out), size, inner, count, outer * count, out.length);
      memory.finish();
    },

    selectRowsBackward(g, indices, dx, { outer, size, inner }) {
      const units = kernels.selectRowsBackwardUnits(outer, inner);
      const operations = g.length + dx.length;
      parallel.selectRowsBackward(memory.read(g), memory.read(indices), memory.write(dx), size, inner, indices.length, units, operations);
      memory.finish();
    },

    scalePixels(pixels, out) {
      const { length } = out;
      parallel.scalePixels(memory.readBytes(pixels), memory.write(out), length, kernels.blocksOf(length), length);
      memory.finish();
    },

    resample2d(x, out, planes, rows, columns) {
      const line = memory.scratchOfEach(columns.inputs * 4);
      parallel.resample2d(
        memory.read(x),
        memory.write(out),
        rows.inputs,
        rows.outputs,
        memory.read(rows.starts),
        memory.read(rows.offsets),
        memory.read(rows.weights),
        columns.inputs,
        columns.outputs,
        memory.read(columns.starts),
        memory.read(columns.offsets),
        memory.read(columns.weights),
        line,
        planes,
        x.length + out.length,
      );
      memory.finish();
    },
  };
}
