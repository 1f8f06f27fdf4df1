// Average pooling and resizing in ONNX, as products with one matrix for each side. ONNX has operators for some of them, but versions and
// runtimes treat the edges differently.
import type { OnnxScope } from '../../onnx.ts';
import { denseBands, type PlaneMap } from '../../ops/bands.ts';

/** Adds nodes that compute rows · input · columnsᵀ for planes of this height and width. @returns the name of the output */
export function onnxPlaneMap(
  { input, node, constant }: OnnxScope,
  [rows, columns]: PlaneMap,
  [height, width]: readonly [number, number],
): string {
  const left = constant(denseBands(rows, height), [rows.length, height]);
  const right = node('Transpose', [constant(denseBands(columns, width), [columns.length, width])], { perm: [1, 0] });
  return node('MatMul', [node('MatMul', [left, input]), right]);
}
