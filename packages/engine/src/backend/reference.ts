// The reference backend: every kernel of the contract as a plain loop, in float32 or float64. Tests compare gradients and other backends
// with it, so its code is written to be easy to read and not to be fast. Sums are float64 in both precisions, and functions come from
// math.ts, so its results are the same on every machine.
import { engineVersion } from '../version.ts';
import type { Backend } from './backend.ts';
import { completed } from './composed.ts';
import { convolutions } from './reference/convolutions.ts';
import { elementwise } from './reference/elementwise.ts';
import { layers } from './reference/layers.ts';
import { maxima } from './reference/maxima.ts';
import { referenceMemory } from './reference/memory.ts';
import { movement } from './reference/movement.ts';
import { optimizers } from './reference/optimizers.ts';
import { products } from './reference/products.ts';

export interface ReferenceOptions {
  /** Precision of every float array; default 'float32'. 'float64' is for gradient checks. */
  readonly dtype?: 'float32' | 'float64';
}

export type ReferenceBackend = Backend;

/** Assembles the reference backend from its kernel families. */
export function referenceBackend({ dtype = 'float32' }: ReferenceOptions = {}): ReferenceBackend {
  return completed({
    name: 'reference',
    dtype,
    engineVersion,
    ...referenceMemory(dtype),
    ...elementwise,
    ...movement,
    ...products,
    ...convolutions,
    ...maxima,
    ...layers,
    ...optimizers,
  });
}

/**
 * `referenceBackend` for callers that write `new ReferenceBackend(options)`. `new` returns the object that the function returns.
 */
export const ReferenceBackend = referenceBackend as unknown as new (options?: ReferenceOptions) => ReferenceBackend;
