// The kernels that move and mix elements by position on the wasm backend: each call to its kernel.
import type { FloatArray } from '../backend.ts';
import type { Bands, MovementKernels, RowLayout, Runs } from '../movementKernels.ts';
import { WasmLayers } from './wasmLayers.ts';

export class WasmMovement extends WasmLayers implements MovementKernels {
  copyRuns(x: FloatArray, from: Runs, out: FloatArray, to: Runs, count: number, length: number): void {
    const source = this.read(x) + from.start * 4;
    const target = this.update(out) + to.start * 4;
    this.parallel.copyRuns(source, from.step, target, to.step, length, count, count * length);
    this.finish();
  }

  selectRows(x: FloatArray, indices: Int32Array, out: FloatArray, { outer, size, inner }: RowLayout): void {
    const { length: count } = indices;
    this.parallel.selectRows(this.read(x), this.read(indices), this.write(out), size, inner, count, outer * count, out.length);
    this.finish();
  }

  selectRowsBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, { outer, size, inner }: RowLayout): void {
    const units = this.kernels.selectRowsBackwardUnits(outer, inner);
    const operations = g.length + dx.length;
    this.parallel.selectRowsBackward(this.read(g), this.read(indices), this.write(dx), size, inner, indices.length, units, operations);
    this.finish();
  }

  scalePixels(pixels: Uint8Array, out: FloatArray): void {
    const { length } = out;
    this.parallel.scalePixels(this.readBytes(pixels), this.write(out), length, this.kernels.blocksOf(length), length);
    this.finish();
  }

  resample2d(x: FloatArray, out: FloatArray, planes: number, rows: Bands, columns: Bands): void {
    const line = this.scratchOfEach(columns.inputs * 4);
    this.parallel.resample2d(
      this.read(x),
      this.write(out),
      rows.inputs,
      rows.outputs,
      this.read(rows.starts),
      this.read(rows.offsets),
      this.read(rows.weights),
      columns.inputs,
      columns.outputs,
      this.read(columns.starts),
      this.read(columns.offsets),
      this.read(columns.weights),
      line,
      planes,
      x.length + out.length,
    );
    this.finish();
  }
}
