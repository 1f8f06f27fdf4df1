// Tests the memory of the wasm backend: nested arenas, which free their memory, persistent arrays, and errors when the memory is full.
// Results do not depend on the addresses of arrays.
import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { WasmBackend } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/compareKernels.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const mebibyte = 2 ** 20;

describe("an arena of the wasm backend's memory", () => {
  test('uses the same addresses again after it was left', () => {
    const memory = new WasmBackend();
    const addresses = Array.from({ length: 3 }, () => {
      const mark = memory.enterArena();
      const taken = [100, 1, 300_000, 7].map((length) => memory.allocate(length).byteOffset);
      memory.leaveArena(mark);
      return taken;
    });
    expect(addresses[1]).toEqual(addresses[0]);
    expect(addresses[2]).toEqual(addresses[0]);
  });

  test('can be nested: leaving the inner one keeps the arrays of the outer one', () => {
    const memory = new WasmBackend();
    const outer = memory.enterArena();
    const kept = memory.allocate(1000).fill(1);
    const before = memory.memoryUse().bytes;
    const inner = memory.enterArena();
    memory.allocate(1000).fill(2);
    memory.leaveArena(inner);
    expect(memory.memoryUse().bytes).toBe(before);
    const next = memory.allocate(1000).fill(3);
    expect([...new Set(kept)]).toEqual([1]);
    expect([...new Set(next)]).toEqual([3]);
    memory.leaveArena(outer);
    expect(memory.memoryUse().bytes).toBe(0);
  });

  test('holds arrays that do not overlap, start at multiples of 64 and stay valid while the memory grows', () => {
    const memory = new WasmBackend();
    const mark = memory.enterArena();
    const arrays = Array.from({ length: 60 }, (_, i) => memory.allocate(50_000 + 7919 * i).fill(i));
    const indices = memory.allocateIndices(9).fill(-1);
    arrays.forEach((array, i) => {
      expect(array.byteOffset % 64).toBe(0);
      expect(array.every((value) => value === i)).toBe(true);
    });
    expect([...indices]).toEqual(new Array(9).fill(-1));
    const first = arrays[0];
    memory.unary('neg', arrays[59], arrays[59]);
    memory.addScaled(first, 1, first);
    expect([first[0], arrays[59][0]]).toEqual([0, -59]);
    memory.leaveArena(mark);
  });

  test('reuses the memory of arrays that are not needed any more during a backward pass, also for kernels within it', () => {
    const memory = new WasmBackend();
    const step = memory.enterArena();
    const [read, kept] = [memory.allocate(1000), memory.allocate(1000).fill(7)];
    const pass = memory.enterArena();
    memory.release(read);
    const { bytes } = memory.memoryUse();
    memory.beginOperation();
    const kernel = memory.enterArena();
    expect(memory.allocate(400).byteOffset).toBe(read.byteOffset);
    memory.leaveArena(kernel);
    const gradient = memory.allocate(1000);
    expect(gradient.byteOffset).toBe(read.byteOffset);
    // All memory is used now, so a new array needs new memory.
    expect(memory.allocate(1000).byteOffset).not.toBe(kept.byteOffset);
    memory.endOperation([gradient]);
    expect(memory.isResult(gradient)).toBe(true);
    memory.leaveArena(pass);
    expect(memory.memoryUse().bytes).toBe(bytes);
    expect(kept.every((value) => value === 7)).toBe(true);
    memory.leaveArena(step);
    expect(memory.memoryUse().bytes).toBe(0);
  });

  test('does not reuse the memory of arrays that are outside of it', () => {
    const memory = new WasmBackend();
    const [persistent, hosted] = [memory.allocatePersistent(1000), memory.allocate(1000)];
    const step = memory.enterArena();
    memory.release(persistent);
    memory.release(hosted);
    memory.beginOperation();
    expect(memory.allocate(1000).byteOffset).not.toBe(persistent.byteOffset);
    memory.endOperation([]);
    memory.leaveArena(step);
  });

  test('is optional: outside of arenas, arrays are in JavaScript memory and are not counted', () => {
    const memory = new WasmBackend();
    const [x, out] = [memory.allocate(5).fill(2), memory.allocate(5)];
    memory.unary('square', x, out);
    expect([...out]).toEqual([4, 4, 4, 4, 4]);
    expect(memory.memoryUse().bytes).toBe(0);
  });
});

describe('a persistent array of the wasm backend', () => {
  test('is filled with zeros, also in reused memory, and is kept after the arena in which it was created', () => {
    const memory = new WasmBackend();
    const mark = memory.enterArena();
    memory.allocate(10_000).fill(7);
    const persistent = memory.allocatePersistent(1000);
    expect([...new Set(persistent)]).toEqual([0]);
    persistent.fill(5);
    memory.leaveArena(mark);
    const again = memory.enterArena();
    memory.allocate(2_000_000).fill(9);
    memory.leaveArena(again);
    expect([...new Set(persistent)]).toEqual([5]);
  });

  test('frees its memory when it is garbage-collected and not before', async () => {
    const memory = new WasmBackend({ maximumBytes: 32 * mebibyte });
    const kept = memory.allocatePersistent(1000).fill(1);
    const used = memory.memoryUse().bytes;
    for (let round = 0; round < 20; round++) {
      let array: unknown = memory.allocatePersistent(5 * mebibyte);
      expect(memory.memoryUse().bytes).toBeGreaterThan(20 * mebibyte);
      array = null;
      for (let i = 0; i < 100 && memory.memoryUse().bytes > used; i++) {
        collectGarbage();
        await turn();
      }
      expect([array, memory.memoryUse().bytes]).toEqual([null, used]);
    }
    expect([...new Set(kept)]).toEqual([1]);
  });
});

describe("the wasm backend's memory, when it is full", () => {
  test('gives an error with the requested size, the used size and advice, and remains usable', () => {
    const memory = new WasmBackend({ maximumBytes: 8 * mebibyte });
    const parameters = memory.allocatePersistent(mebibyte);
    const message =
      /^8\.4 MB for a step's temporaries do not fit: 4\.2 MB of at most 8\.4 MB are in use\. Use a smaller batch or a smaller model$/;
    const mark = memory.enterArena();
    expectRefusal(() => memory.allocate(2 * mebibyte + 1), 'outOfMemory', message);
    const small = memory.allocate(1000).fill(3);
    expectRefusal(
      () => memory.allocatePersistent(mebibyte),
      'outOfMemory',
      /^4\.2 MB for parameters, gradients and optimizer state do not fit/,
    );
    memory.unary('neg', small, small);
    expect([small[999], parameters[0]]).toEqual([-3, 0]);
    memory.leaveArena(mark);
  });

  test('refuses a kernel whose operands in JavaScript memory do not fit, and frees what it allocated', () => {
    const memory = new WasmBackend({ maximumBytes: 4 * mebibyte });
    const [x, out] = [new Float32Array(mebibyte), new Float32Array(mebibyte)];
    expectRefusal(() => memory.unary('neg', x, out), 'outOfMemory');
    expect(memory.memoryUse().bytes).toBe(0);
    memory.unary('neg', new Float32Array([2]), out.subarray(0, 1));
    expect(out[0]).toBe(-2);
  });

  test.skipIf(process.platform !== 'linux')(
    'gives an error also if the system refuses more memory (only Linux limits address space)',
    async () => {
      const script = `
      import { WasmBackend } from '@trainyard/engine';
      const memory = new WasmBackend();
      memory.enterArena();
      try {
        for (;;) memory.allocate(${16 * mebibyte});
      } catch (error) {
        console.log(error.code + ': ' + error.message);
      }`;
      // 4 GB of address space for the whole process, in KiB.
      const command = 'ulimit -v 4000000 && exec "$0" --input-type=module --eval "$1"';
      const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, script], { cwd: import.meta.dirname });
      expect(stdout).toMatch(/^outOfMemory: 67\.1 MB for .* MB of at most 4295 MB are in use, and the system provides no more memory\./);
    },
  );

  test('can use the memory of a former arena for persistent arrays', () => {
    const memory = new WasmBackend({ maximumBytes: 16 * mebibyte });
    const mark = memory.enterArena();
    memory.allocate(3 * mebibyte);
    memory.leaveArena(mark);
    expect(memory.allocatePersistent(3 * mebibyte)).toHaveLength(3 * mebibyte);
  });
});

describe('the wasm backend', () => {
  test('gives the same results above the first 2 GiB of its memory', () => {
    const memory = new WasmBackend();
    const product = { batch: 1, m: 9, n: 13, k: 20, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
    const pool = { strideHeight: 2, strideWidth: 2, padTop: 0, padLeft: 0, dilationHeight: 1, dilationWidth: 1 };
    const run = (): string => {
      const [a, b, out] = [noise(180, 1), noise(260, 2), memory.allocate(117)];
      memory.matmul(a, b, out, product);
      const [y, indices] = [memory.allocate(4), memory.allocateIndices(4)];
      memory.maxPool2d(out, y, indices, {
        ...pool,
        planes: 1,
        height: 4,
        width: 4,
        kernelHeight: 2,
        kernelWidth: 2,
        outHeight: 2,
        outWidth: 2,
      });
      const sums = memory.allocate(13);
      memory.sumTo(out, [9, 13], sums, [13]);
      memory.binary('mul', out, [9, 13], sums, [13], out, [9, 13]);
      memory.sgd(out, out.slice(), null, { learningRate: 0.1, momentum: 0, dampening: 0, weightDecay: 0.1, nesterov: false, first: true });
      return JSON.stringify([...out, ...y, ...indices, ...sums]);
    };
    const mark = memory.enterArena();
    const low = run();
    const untouched = memory.allocate(600 * mebibyte); // pages that are never written need no memory
    const high = run();
    expect([untouched.length, memory.allocate(1).byteOffset > 2 ** 31]).toEqual([600 * mebibyte, true]);
    expect(high).toBe(low);
    memory.leaveArena(mark);
  });

  test('refuses float64 arrays', () => {
    const memory = new WasmBackend();
    expectRefusal(() => memory.unary('neg', new Float64Array(2), new Float32Array(2)), 'invalidArgument', /float32/);
    expectRefusal(() => memory.copy(new Float32Array(2), new Float64Array(2)), 'invalidArgument', /float32/);
  });

  test('can have several instances with separate memories, which can read arrays of each other', () => {
    const [one, other] = [new WasmBackend(), new WasmBackend()];
    const [x, y] = [one.allocatePersistent(4).fill(2), other.allocatePersistent(4)];
    other.unary('square', x, y);
    expect([...y, ...x]).toEqual([4, 4, 4, 4, 2, 2, 2, 2]);
  });

  test('gives the same bits for operands at any address and after any allocations', () => {
    const geometry = {
      batch: 3,
      inChannels: 5,
      height: 13,
      width: 11,
      outChannels: 7,
      kernelHeight: 3,
      kernelWidth: 3,
      strideHeight: 1,
      strideWidth: 1,
      padTop: 1,
      padLeft: 1,
      dilationHeight: 1,
      dilationWidth: 1,
      groups: 1,
      outHeight: 13,
      outWidth: 11,
    };
    const product = { batch: 1, m: 23, n: 31, k: 300, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
    const run = (place: (memory: WasmBackend, data: Float32Array) => Float32Array): string => {
      const memory = new WasmBackend();
      const mark = memory.enterArena();
      const put = (length: number, seed: number): Float32Array => place(memory, noise(length, seed));
      const results: Float32Array[] = [];
      const into = (length: number): Float32Array => {
        const out = put(length, 99);
        results.push(out);
        return out;
      };
      const [x, weight, g] = [put(3 * 5 * 143, 1), put(7 * 5 * 9, 2), put(3 * 7 * 143, 3)];
      memory.conv2d(x, weight, put(7, 4), into(g.length), geometry);
      memory.conv2dBackwardInput(g, weight, into(x.length), geometry);
      memory.conv2dBackwardWeight(g, x, into(weight.length), geometry);
      memory.matmul(put(23 * 300, 5), put(300 * 31, 6), into(23 * 31), product);
      memory.linear(put(23 * 300, 5), put(31 * 300, 6), put(31, 7), into(23 * 31), 23, 300, 31);
      memory.unary('exp', x, into(x.length));
      memory.binary('add', g, [3, 7, 143], put(7, 8), [7, 1], into(g.length), [3, 7, 143]);
      memory.sumTo(g, [3, 7, 143], into(7), [7, 1]);
      memory.logSoftmax(g, into(g.length), 3, 7, 143);
      const bits = results.map((out) => Buffer.from(out.buffer, out.byteOffset, out.byteLength).toString('hex')).join(' ');
      memory.leaveArena(mark);
      return bits;
    };
    const places: readonly ((memory: WasmBackend, data: Float32Array) => Float32Array)[] = [
      (memory, data) => {
        const array = memory.allocate(data.length);
        array.set(data);
        return array;
      },
      (memory, data) => {
        memory.allocate(1 + (data.length % 17));
        const array = memory.allocate(data.length + 3).subarray(3); // aligned only to the size of a float
        array.set(data);
        return array;
      },
      (memory, data) => {
        const array = memory.allocatePersistent(data.length);
        array.set(data);
        return array;
      },
      (_, data) => data.slice(),
    ];
    const bits = places.map(run);
    expect(bits.every((other) => other === bits[0])).toBe(true);
  });
});
