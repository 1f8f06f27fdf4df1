// Kernels with fused multiply-adds: `new WasmBackend({ kernels: relaxedKernels })`. Their results are as accurate as those of the default
// kernels, but may differ in the last bits between machines. So they have an engine version of their own. They are a separate entry of the
// package because the module is large and few programs need it.
import type { KernelModule } from './backend/wasm/kernelModule.ts';
import { relaxedKernelsBase64 } from './backend/wasm/relaxedKernels.generated.ts';
import { relaxedEngineVersion } from './version.ts';

export const relaxedKernels: KernelModule = { base64: relaxedKernelsBase64, engineVersion: relaxedEngineVersion };
