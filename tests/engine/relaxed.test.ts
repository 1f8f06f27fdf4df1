// Tests that the relaxed mode fuses multiply-adds, and that the engine version in results, weights and checkpoints shows this. The tests
// that run on every backend check its results.
import { EngineError, setBackend, strictKernels, WasmBackend } from '@trainyard/engine';
import { decodeCheckpoint, decodeSafetensors } from '@trainyard/engine/formats';
import { engineVersion } from '@trainyard/engine/spec';
import { nodeThreads } from '@trainyard/engine/node';
import { relaxedKernels } from '@trainyard/engine/relaxed';
import binaryen from 'assemblyscript/binaryen';
import { describe, expect, test } from 'vitest';
import { goldenHashes } from './golden/jobs.ts';
import { digits, eventsOf, run } from './training/runs.ts';

const relaxedVersion = `${engineVersion}+relaxed`;
const relaxed = (): WasmBackend => new WasmBackend({ kernels: relaxedKernels });

/** A square whose last bit is lost in rounding, minus the rounded square. The result shows whether the multiply-add is fused. */
function lostBits(backend: WasmBackend): number {
  const x = Math.fround(1 + 2 ** -12);
  const operands = [Float32Array.of(1, x), Float32Array.of(-Math.fround(x * x), x)];
  const out = new Float32Array(1);
  const one = { batch: 1, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
  backend.matmul(operands[0], operands[1], out, { ...one, m: 1, n: 1, k: 2 });
  return out[0];
}

/** Returns the names of the module's relaxed instructions, whose results may differ between processors. */
function relaxedInstructions({ base64 }: typeof strictKernels): string[] {
  const module = binaryen.readBinary(Buffer.from(base64, 'base64'));
  try {
    return [...new Set(module.emitText().match(/\w+\.relaxed_\w+/g))];
  } finally {
    module.dispose();
  }
}

test('the standard kernels have no relaxed instructions, and the relaxed kernels have only fused multiply-adds', () => {
  expect(relaxedInstructions(strictKernels)).toEqual([]);
  expect(relaxedInstructions(relaxedKernels)).toEqual(['f32x4.relaxed_madd']);
});

describe('the relaxed kernels', () => {
  test('round a multiply-add once on processors that fuse it, while the standard kernels always round twice', () => {
    expect(lostBits(new WasmBackend())).toBe(0);
    expect(lostBits(relaxed())).toBe(2 ** -24);
  });

  test('mark the result, the weights and the checkpoints of a run with their engine version', async () => {
    setBackend(relaxed());
    const { events, result, weights } = await run(digits, { checkpointDue: () => true });
    expect(result.engineVersion).toBe(relaxedVersion);
    expect(decodeSafetensors(weights).metadata['engineVersion']).toBe(relaxedVersion);
    for (const { bytes } of eventsOf(events, 'checkpoint')) expect(decodeCheckpoint(bytes).engineVersion).toBe(relaxedVersion);
  });

  test('resume from a checkpoint of the standard kernels and vice versa, and the log and the version of the result report this', async () => {
    for (const [from, to] of [
      [() => new WasmBackend(), relaxed],
      [relaxed, () => new WasmBackend()],
    ]) {
      setBackend(from());
      const { events } = await run(digits, { checkpointDue: () => true });
      const [{ bytes }] = eventsOf(events, 'checkpoint');
      const backend = to();
      setBackend(backend);
      const resumed = await run(digits, { resumeFrom: bytes, checkpointDue: ({ step }) => step === 5 });
      expect(eventsOf(resumed.events, 'log').map(({ message }) => message)).toContain(
        `the checkpoint was made by engine ${from().engineVersion}: from here on this is engine ${backend.engineVersion}`,
      );
      const mixed = backend.engineVersion === engineVersion ? `${engineVersion}+mixed` : `${relaxedVersion}.mixed`;
      expect(resumed.result.engineVersion).toBe(mixed);
      expect(decodeSafetensors(resumed.weights).metadata['engineVersion']).toBe(mixed);
      for (const { bytes: later } of eventsOf(resumed.events, 'checkpoint')) {
        const again = await run(digits, { resumeFrom: later });
        expect(again.result.engineVersion).toBe(mixed);
        expect(eventsOf(again.events, 'log')).toEqual([]);
      }
    }
  });

  test('give the same bits with any number of threads', async () => {
    const names = ['LeNet, sgd with momentum', 'blocks of 3×3 convolutions on images of three channels'];
    const alone = await goldenHashes(names, relaxed);
    const team = new WasmBackend({ kernels: relaxedKernels, threads: nodeThreads(2) });
    try {
      expect(await goldenHashes(names, () => team)).toEqual(alone);
    } finally {
      await team.close();
    }
  });

  test('that the platform cannot compile are refused with advice', () => {
    const kernels = { base64: btoa('no module'), engineVersion: relaxedVersion };
    const refused = (): unknown => new WasmBackend({ kernels });
    expect(refused).toThrow(EngineError);
    expect(refused).toThrow(/no relaxed SIMD.*Node 22 or newer, or do not set TRAINYARD_RELAXED/);
  });
});
