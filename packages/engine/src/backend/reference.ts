// The reference backend: every kernel of the contract as a plain loop, in float32 or float64. Gradient checks and the other backends are
// compared with it, so it is written to be read; nothing in it is fast. Sums are kept in float64 in both precisions, and functions are
// math.ts's, so its results are the same on every machine.
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

/** Puts the reference backend together. */
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

/** Makes the same by `new ReferenceBackend(options)`: `new` on a function gives the object that the function returns. */
export const ReferenceBackend = referenceBackend as unknown as new (options?: ReferenceOptions) => ReferenceBackend;
