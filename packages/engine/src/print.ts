// Prints tensors as PyTorch does, character for character (torch/_tensor_str.py with its default options). There are two exceptions:
// float64 is shown as `dtype=float64`, the engine's name; and int32, the engine's only integer type, is shown like PyTorch's default
// integer type (digits without a point, and the type's name only if there are no digits).
import type { Shape } from './shape.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

const precision = 4;
/**
 * Tensors with more elements than this are shortened: of each dimension, the first and the last `edgeItems` are shown, with dots between
 * them.
 */
const threshold = 1000;
const edgeItems = 3;
const lineWidth = 80;

/** Returns the text of `str(tensor)` in PyTorch. */
export function formatTensor(tensor: Tensor): string {
  const text = `tensor(${tensor.size === 0 ? '[]' : formatElements(tensor)}`;
  return appendSuffixes(text, suffixesOf(tensor));
}

function suffixesOf(tensor: Tensor): string[] {
  const suffixes: string[] = [];
  if (tensor.size === 0 && tensor.rank !== 1) suffixes.push(`size=(${tensor.shape.join(', ')})`);
  if (tensor.dtype === 'float64' || (tensor.dtype === 'int32' && tensor.size === 0)) suffixes.push(`dtype=${tensor.dtype}`);
  if (tensor.gradFn !== null) suffixes.push(`grad_fn=<${tensor.gradFn.name}>`);
  else if (tensor.requiresGrad) suffixes.push('requires_grad=True');
  return suffixes;
}

function appendSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text;
  let lastLine = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    const breaks = lastLine + suffix.length + 2 > lineWidth;
    result += breaks ? `,\n${' '.repeat('tensor('.length)}${suffix}` : `, ${suffix}`;
    lastLine = breaks ? 'tensor('.length + suffix.length : lastLine + suffix.length + 2;
  }
  return `${result})`;
}

function formatElements(tensor: Tensor): string {
  const { shape, storage } = tensor;
  const summarize = tensor.size > threshold;
  const offsets = shownOffsets(shape, summarize);
  const format = elementFormat(
    offsets.map((offset) => storage[offset]),
    storage,
  );
  return formatDimension(shape, 0, storage, 0, summarize, format);
}

/** Returns the indices along a dimension whose elements are shown. null stands for the dots. */
function shownPositions(length: number, summarize: boolean): (number | null)[] {
  if (!summarize || length <= 2 * edgeItems) return Array.from({ length }, (_, i) => i);
  const edge = Array.from({ length: edgeItems }, (_, i) => i);
  return [...edge, null, ...edge.map((i) => length - edgeItems + i)];
}

/** Returns the offsets of the shown elements. Only these elements decide the format. */
function shownOffsets(shape: Shape, summarize: boolean): number[] {
  let offsets = [0];
  for (const length of shape) {
    const positions = shownPositions(length, summarize).filter((position) => position !== null);
    offsets = offsets.flatMap((offset) => positions.map((position) => offset * length + position));
  }
  return offsets;
}

function formatDimension(shape: Shape, dim: number, storage: Storage, offset: number, summarize: boolean, format: ElementFormat): string {
  if (dim === shape.length) return format.write(storage[offset]);
  const indent = 'tensor('.length + dim;
  const isRow = dim === shape.length - 1;
  const parts = shownPositions(shape[dim], summarize).map((position) => {
    if (position === null) return isRow ? ' ...' : '...';
    return formatDimension(shape, dim + 1, storage, offset * shape[dim] + position, summarize, format);
  });
  if (!isRow) return `[${parts.join(`,${'\n'.repeat(shape.length - dim - 1)}${' '.repeat(indent + 1)}`)}]`;
  const perLine = Math.max(1, Math.floor((lineWidth - indent) / (format.width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(', '));
  return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
}

interface ElementFormat {
  readonly width: number;
  write(value: number): string;
}

/** Returns one format for all elements, chosen from the shown elements that are finite and not zero. */
function elementFormat(shown: readonly number[], storage: Storage): ElementFormat {
  if (storage instanceof Int32Array) return aligned(shown, String);
  const deciding = shown.filter((value) => Number.isFinite(value) && value !== 0);
  if (deciding.length === 0) return aligned([], formatWhole);
  const magnitudes = deciding.map(Math.abs);
  const max = magnitudes.reduce((a, b) => Math.max(a, b));
  const min = magnitudes.reduce((a, b) => Math.min(a, b));
  if (max / min > 1000 || max > 1e8 || min < 1e-4) return aligned(deciding, formatScientific);
  return aligned(deciding, deciding.every(Number.isInteger) ? formatWhole : formatFixed);
}

function aligned(deciding: readonly number[], format: (value: number) => string): ElementFormat {
  const width = deciding.reduce((width, value) => Math.max(width, format(value).length), 1);
  return { width, write: (value) => format(value).padStart(width) };
}

function formatWhole(value: number): string {
  return formatSpecial(value) ?? `${sign(value)}${Math.abs(value).toFixed(0)}.`;
}

function formatFixed(value: number): string {
  const magnitude = Math.abs(value);
  return formatSpecial(value) ?? sign(value) + tiesToEven(magnitude.toFixed(precision), magnitude.toFixed(exactDigits));
}

function formatScientific(value: number): string {
  const [rounded, exponent] = Math.abs(value).toExponential(precision).split('e');
  const [exact] = Math.abs(value).toExponential(exactDigits).split('e');
  const power = `${exponent?.[0]}${exponent?.slice(1).padStart(2, '0')}`;
  return formatSpecial(value) ?? `${sign(value)}${tiesToEven(rounded, exact)}e${power}`;
}

const sign = (value: number): string => (value < 0 || Object.is(value, -0) ? '-' : '');

function formatSpecial(value: number): string | null {
  if (Number.isNaN(value)) return 'nan';
  return Number.isFinite(value) ? null : `${sign(value)}inf`;
}

/** The most digits that toFixed and toExponential can print. They show whether a value is exactly halfway between two roundings (a tie). */
const exactDigits = 100;

/** Returns the rounded value as Python prints it. Python rounds an exact tie to the even digit, JavaScript rounds it up. */
function tiesToEven(rounded: string, exact: string): string {
  const cut = exact.indexOf('.') + 1 + precision;
  const isTie = /^50*$/.test(exact.slice(cut));
  return isTie && Number(exact[cut - 1]) % 2 === 0 ? exact.slice(0, cut) : rounded;
}
