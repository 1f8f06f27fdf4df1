// Pooling by averages and resizing in ONNX: products with a matrix for each side. ONNX has operators of its own for some of
// these, but what they do at edges differs between its versions and runtimes; a matrix leaves nothing to interpret.
import type { OnnxScope } from '../../onnx.ts';
import { denseBands, type PlaneMap } from '../../ops/bands.ts';

/** Adds rows · input · columnsᵀ for planes of this height and width. @returns its output. */
export function onnxPlaneMap(
  { input, node, constant }: OnnxScope,
  [rows, columns]: PlaneMap,
  [height, width]: readonly [number, number],
): string {
  const left = constant(denseBands(rows, height), [rows.length, height]);
  const right = node('Transpose', [constant(denseBands(columns, width), [columns.length, width])], { perm: [1, 0] });
  return node('MatMul', [node('MatMul', [left, input]), right]);
}
