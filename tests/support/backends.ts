// The backends that the engine's tests run on. A test inside `onEveryBackend` runs once on each; a new backend joins by one
// line here.
import { type Backend, convVariants, pooledBackwards, pooledForwards, ReferenceBackend, setBackend, WasmBackend } from '@trainyard/engine';
import { beforeAll, describe } from 'vitest';

export interface TestedBackend {
  readonly name: string;
  readonly make: () => Backend;
}

export const backends: readonly TestedBackend[] = [
  { name: 'wasm', make: () => new WasmBackend() },
  { name: 'reference', make: () => new ReferenceBackend() },
  { name: 'reference in float64', make: () => new ReferenceBackend({ dtype: 'float64' }) },
];

/** The wasm backend with each of its ways to compute a convolution, wherever that applies. */
export const convolvers: readonly TestedBackend[] = convVariants.map((convVariant) => ({
  name: `wasm with ${convVariant} convolutions`,
  make: () => new WasmBackend({ convVariant }),
}));

/** The wasm backend with each of its ways to convolve, rectify and pool at once, wherever that applies. */
export const poolers: readonly TestedBackend[] = pooledForwards.flatMap((forward) =>
  pooledBackwards.map((backward) => ({
    name: `wasm with ${forward} pooled convolutions and ${backward} gradients`,
    make: () => new WasmBackend({ pooled: { forward, backward } }),
  })),
);

/** Registers the tests once for each backend, which is in force while they run. */
export function onEveryBackend(tests: (backend: TestedBackend) => void, among = backends): void {
  describe.each(among)('on $name', (tested) => {
    beforeAll(() => {
      setBackend(tested.make());
    });
    tests(tested);
  });
}
