// Renders responses with up to a million numbers as JSON or as a picture: filters of a job, or samples of a dataset. Prediction processes
// do this, because it would block the API's own process.
import type { Shape } from '@trainyard/engine';
import { type Dataset, encodePng } from '@trainyard/engine/data';
import { NonFiniteNumbers } from '@trainyard/engine/spec';
import { contactSheet } from '../datasets/contactSheet.ts';
import { filterSheet } from '../files/filterSheet.ts';
import { nested } from '../files/nested.ts';
import type { Remedy } from './remedies.ts';

interface As {
  readonly as: 'application/json' | 'image/png';
}

export interface FiltersOrder extends As {
  readonly kind: 'filters';
  readonly weights: Float32Array;
  /** [filters, planes, height, width] */
  readonly shape: Shape;
  /** Fields that the JSON has before the shape. */
  readonly fields: { readonly layer: string; readonly layers: readonly string[]; readonly from: 'model' | 'checkpoint' };
}

export interface SamplesOrder extends As {
  readonly kind: 'samples';
  readonly samples: Dataset;
}

export type RenderOrder = FiltersOrder | SamplesOrder;

/** Returns how a client can make a response smaller. */
export function smallerResponse(order: RenderOrder): Remedy {
  if (order.kind === 'filters') return { path: '?layer', action: 'request another layer, or download model.safetensors' };
  if (order.samples.length > 1) return { path: '?limit', action: 'request fewer samples' };
  return { path: '', action: 'download the dataset from /datasets/{id}/export' };
}

export function rendered(order: RenderOrder): Uint8Array {
  if (order.as === 'image/png') {
    return order.kind === 'filters' ? encodePng(filterSheet(order.weights, order.shape)) : contactSheet(order.samples);
  }
  return new TextEncoder().encode(JSON.stringify(order.kind === 'filters' ? filters(order) : samples(order.samples)));
}

function filters({ weights, shape, fields }: FiltersOrder): object {
  const nonFinite = new NonFiniteNumbers();
  const lists = nested(weights, shape, 'weights', nonFinite);
  return { ...fields, shape, weights: lists, ...nonFinite.field };
}

type Nested = number | Nested[];

/** Returns numbers as nested lists of the given shape. */
function listed(values: ArrayLike<number>, shape: Shape, start: number): Nested {
  if (shape.length === 0) return values[start] ?? 0;
  const [size, ...inner] = shape;
  const step = inner.reduce((product, side) => product * side, 1);
  return Array.from({ length: size ?? 0 }, (_, i) => listed(values, inner, start + i * step));
}

const list = (values: Nested): Nested[] => (Array.isArray(values) ? values : [values]);

function samples({ length, inputShape, inputs, target, targets }: Dataset): object {
  const size = inputShape.reduce((product, side) => product * side, 1);
  const data = Array.from({ length }, (_, index) => {
    const input = list(listed(inputs, inputShape, index * size));
    const number = targets[index] ?? 0;
    if (target.kind === 'class') return { index, input, class: target.classes[number], target: number };
    const width = target.shape.reduce((product, side) => product * side, 1);
    return { index, input, class: null, target: list(listed(targets, target.shape, index * width)) };
  });
  return { inputType: inputs instanceof Uint8Array ? 'uint8' : 'float32', inputShape, data };
}
