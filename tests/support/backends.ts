// The backends for tests of the engine. A test inside `onEveryBackend` runs once on each backend. A new backend needs one line here.
import { type Backend, ReferenceBackend, setBackend, strictKernels, WasmBackend } from '@trainyard/engine';
import { relaxedKernels } from '@trainyard/engine/relaxed';
import { beforeAll, describe } from 'vitest';
import { convVariants } from '../../packages/engine/src/backend/wasm/convVariant.ts';
import { pooledBackwards, pooledForwards } from '../../packages/engine/src/backend/wasm/pooledVariant.ts';

export interface TestedBackend {
  readonly name: string;
  readonly make: () => Backend;
}

/** The kernels of the wasm backend: the standard ones and those with fused multiply-adds. */
export const kernelModules = [
  { called: 'wasm', kernels: strictKernels },
  { called: 'relaxed wasm', kernels: relaxedKernels },
] as const;

export const backends: readonly TestedBackend[] = [
  ...kernelModules.map(({ called, kernels }) => ({ name: called, make: () => new WasmBackend({ kernels }) })),
  { name: 'reference', make: () => new ReferenceBackend() },
  { name: 'reference in float64', make: () => new ReferenceBackend({ dtype: 'float64' }) },
];

/** The wasm backend with each of its convolution algorithms. Each is used wherever it can be. */
export const convolvers: readonly TestedBackend[] = kernelModules.flatMap(({ called, kernels }) =>
  convVariants.map((convVariant) => ({
    name: `${called} with ${convVariant} convolutions`,
    make: () => new WasmBackend({ kernels, convVariant }),
  })),
);

/** The wasm backend with each of its algorithms for convolution, rectifier and pooling in one operation, used wherever it can be. */
export const poolers: readonly TestedBackend[] = kernelModules.flatMap(({ called, kernels }) =>
  pooledForwards.flatMap((forward) =>
    pooledBackwards.map((backward) => ({
      name: `${called} with ${forward} pooled convolutions and ${backward} gradients`,
      make: () => new WasmBackend({ kernels, pooled: { forward, backward } }),
    })),
  ),
);

/** Registers the tests once for each backend. That backend is the current one while they run. */
export function onEveryBackend(tests: (backend: TestedBackend) => void, among = backends): void {
  describe.each(among)('on $name', (tested) => {
    beforeAll(() => {
      setBackend(tested.make());
    });
    tests(tested);
  });
}
