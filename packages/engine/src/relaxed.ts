// Kernels with fused multiply-adds: `new WasmBackend({ kernels: relaxedKernels })`. Their results are as good as any and may
// differ in the last bits from machine to machine, so they carry an engine version of their own. It is an entry of the package
// beside index.ts, because the module is large and few want it.
import type { KernelModule } from './backend/wasm/kernelModule.ts';
import { relaxedKernelsBase64 } from './backend/wasm/relaxedKernels.generated.ts';
import { relaxedEngineVersion } from './version.ts';

export const relaxedKernels: KernelModule = { base64: relaxedKernelsBase64, engineVersion: relaxedEngineVersion };
