// Tests the random generator: its state, refused arguments, and its numbers. The numbers equal the published values of mt19937, and for the
// same seed PyTorch's values in cases that the conformance set does not contain (float64, tails, large integers, long permutations).
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultGenerator, epochOrder, Generator, type GeneratorState, manualSeed } from '../../packages/engine/src/random.ts';
import { sha256 } from '../support/sha256.ts';

const uniform32 = (generator: Generator, n: number): Float32Array => generator.uniform_(new Float32Array(n));
const uniform64 = (generator: Generator, n: number): Float64Array => generator.uniform_(new Float64Array(n));
const normal32 = (generator: Generator, n: number): Float32Array => generator.normal_(new Float32Array(n));
const normal64 = (generator: Generator, n: number): Float64Array => generator.normal_(new Float64Array(n));

function skipWords(generator: Generator, n: number): Generator {
  for (let i = 0; i < n; i++) generator.random();
  return generator;
}

function expectClose(values: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(values.length).toBe(expected.length);
  const differences = expected.map((value, i) => Math.abs(value - values[i]));
  expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance);
}

describe('words', () => {
  test('are those of mt19937: the first and the 10,000th after its reference seed', () => {
    const generator = new Generator(5489);
    expect(generator.random()).toBe(3499211612);
    expect(skipWords(generator, 9998).random()).toBe(4123659995);
  });

  test('make 64 bits with the first word on top, and 63 bits for an int64', () => {
    const [words, whole] = [new Generator(0), new Generator(0)];
    expect(whole.random64()).toBe(BigInt(words.random()) * 2n ** 32n + BigInt(words.random()));
    const signed = new Generator(0);
    expect([signed.randomInt63(), signed.randomInt63(), signed.randomInt63()]).toEqual([
      900450186894289455n,
      3969543146641149120n,
      1895649597198586619n,
    ]);
  });
});

describe('seeds', () => {
  test('are used modulo 2^32, as number or bigint', () => {
    expect(new Generator(2 ** 40 + 7).randint(0, 1000, 4)).toEqual(Int32Array.of(615, 892, 721, 286));
    expect(new Generator(2n ** 63n + 7n).randint(0, 1000, 4)).toEqual(Int32Array.of(615, 892, 721, 286));
    expect(new Generator(7).randint(0, 1000, 4)).toEqual(Int32Array.of(615, 892, 721, 286));
  });

  test("default to PyTorch's", () => {
    expect(new Generator().randint(0, 1000, 4)).toEqual(Int32Array.of(710, 284, 837, 820));
  });

  test.each([-1, -1n, 0.5, NaN, Infinity, 2 ** 53])('refuse %s', (seed) => {
    const start = (): Generator => new Generator(seed);
    expect(start).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    expect(start).toThrow(`got ${seed}`);
  });

  test('restart the stream and discard a stored normal value', () => {
    const generator = new Generator(3);
    normal32(generator, 1);
    expect(normal32(generator.manualSeed(3), 2)).toEqual(normal32(new Generator(3), 2));
  });

  test('given to manualSeed are used by the default generator', () => {
    expect(manualSeed(7)).toBe(defaultGenerator());
    expect(defaultGenerator().randint(0, 1000, 4)).toEqual(Int32Array.of(615, 892, 721, 286));
  });
});

describe('uniform draws', () => {
  test('of float64 have 53 random bits, as in PyTorch', () => {
    expect([...uniform64(new Generator(0), 3)]).toEqual([0.9700530018065531, 0.707819864399788, 0.45938294312745087]);
  });

  test('use one word for float32 and two for float64', () => {
    const generator = new Generator(0);
    uniform32(generator, 5);
    uniform64(generator, 5);
    expect(generator.random()).toBe(skipWords(new Generator(0), 15).random());
  });

  test('are within their limits and evenly distributed', () => {
    const counts = new Array<number>(10).fill(0);
    for (const value of new Generator(1).uniform_(new Float32Array(100000), -3, 7)) counts[Math.floor(value + 3)] += 1;
    for (const count of counts) expect(Math.abs(count - 10000)).toBeLessThan(500);
  });

  test.each([
    [1, 0],
    [NaN, 1],
    [0, Infinity],
    [-Number.MAX_VALUE, Number.MAX_VALUE],
  ])('refuse the limits %s and %s', (low, high) => {
    expect(() => new Generator(0).uniform_(new Float32Array(1), low, high)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
  });
});

describe('normal draws', () => {
  test('of fewer than 16 values store the second value of a pair for the next such draw', () => {
    const generator = new Generator(0);
    const expected = [
      1.5409960746765137, -0.293428897857666, -2.1787893772125244, 0.5684312582015991, -1.0845223665237427, -1.3985954523086548,
      0.40334683656692505, 0.8380263447761536, -0.7192575931549072, -0.40334352850914, -0.5966353416442871, 0.18203648924827576,
      -0.8566746115684509, 1.1006041765213013,
    ];
    expectClose([...normal32(generator, 7), ...normal32(generator, 7)], expected, 1e-7);
  });

  test('keep the stored value while other values are drawn, also blocks of normal values', () => {
    const generator = new Generator(4);
    const first = normal64(generator, 1);
    uniform32(generator, 3);
    normal32(generator, 33);
    expect([...first, ...normal64(generator, 1)]).toEqual([...normal64(new Generator(4), 2)]);
  });

  test('scale the stored value with the mean and std of the draw that returns it', () => {
    const [plain, scaled] = [new Generator(4), new Generator(4)];
    const [, second] = normal64(plain, 2);
    normal64(scaled, 1);
    expect(scaled.normal_(new Float64Array(1), 10, 3)[0]).toBe(second * 3 + 10);
  });

  test("of 16 or more values are made in blocks, whose odd tail is drawn again: PyTorch's for float32", () => {
    const expected = [
      2.162248134613037, 1.9912205934524536, 2.6699953079223633, 2.7380526065826416, 2.6796517372131348, 2.0334713459014893,
      2.3975918292999268, 3.0559017658233643, 2.6404290199279785, 2.3243508338928223, 2.4479808807373047, 2.5550434589385986,
      2.9168097972869873, 2.975900173187256, 2.7838895320892334, 2.246896982192993, 2.779547929763794,
    ];
    expectClose(new Generator(0).normal_(new Float32Array(17), 2.5, 0.3), expected, 1e-6);
  });

  test("of 16 or more values are PyTorch's for float64", () => {
    const expected = [
      -2.310411800234176, -0.6332746088675096, -1.2609246557194385, -0.726951062065411, -0.019964750907762653, 0.2102998901016947,
      0.17718935139366584, -0.830510051008449, 0.23871805816817063, -0.2426793824588577, -0.7730112772958181, -1.5951814880783068,
      -0.6870036940435463, 1.4880743158106724, -0.4484158047114511, -0.8910030351707375, 0.6748575435940039,
    ];
    expectClose(normal64(new Generator(0), 17), expected, 1e-14);
  });

  test('spend a word for each value, and 16 more for an odd tail', () => {
    const generator = new Generator(0);
    normal32(generator, 37);
    expect(generator.random()).toBe(skipWords(new Generator(0), 53).random());
  });

  test('have the mean and standard deviation asked for', () => {
    const values = new Generator(2).normal_(new Float64Array(200000), 3, 2);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean - 3)).toBeLessThan(0.02);
    expect(Math.abs(Math.sqrt(variance) - 2)).toBeLessThan(0.02);
  });

  test.each([
    [0, -1],
    [NaN, 1],
    [0, Infinity],
  ])('refuse mean %s with std %s', (mean, std) => {
    expect(() => new Generator(0).normal_(new Float32Array(1), mean, std)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
  });
});

describe('whole numbers', () => {
  test("spend 64 bits a value for ranges from 2^28, as today's PyTorch does", () => {
    const generator = new Generator(0);
    expect(generator.randint(0, 2 ** 28, 3)).toEqual(Int32Array.of(130329135, 136432832, 195187451));
    expect(generator.randint(-(2 ** 31), 2 ** 31, 3)).toEqual(Int32Array.of(1491434855, 530702035, -496576782));
    expect(generator.randint(0, 2 ** 28 - 1, 3)).toEqual(Int32Array.of(374571, 204159579, 72039508));
  });

  test('are from low to high − 1, including both', () => {
    const values = new Set(new Generator(0).randint(-2, 3, 1000));
    expect([...values].toSorted((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  });

  test.each([
    [0, 0],
    [3, 2],
    [0, 1.5],
    [-(2 ** 31) - 1, 0],
    [0, 2 ** 31 + 1],
  ])('are refused for limits %s and %s', (low, high) => {
    expect(() => new Generator(0).randint(low, high, 1)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
  });
});

describe('permutations', () => {
  test("of 60,000 are PyTorch's", () => {
    const order = new Generator(0).randperm(60000);
    expect(sha256(order)).toBe('52a942414667661f95ad16a1ea3b98b9e5e0bbcca787973c1ce75f7346e22a6d');
  });

  test('contain each index once, for any length and seed', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (n, seed) => {
        const sorted = new Generator(seed).randperm(n).toSorted();
        expect(sorted).toEqual(Uint32Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  test.each([-1, 2.5, NaN, 214748364])('are refused for length %s', (n) => {
    expect(() => new Generator(0).randperm(n)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
  });
});

describe("an epoch's order", () => {
  test('is the identity without shuffling, and still spends the two words of the base seed', () => {
    const generator = new Generator(0);
    expect(epochOrder(generator, 4, false)).toEqual(Uint32Array.of(0, 1, 2, 3));
    expect(generator.randint(0, 1000, 4)).toEqual(Int32Array.of(933, 760, 963, 379));
  });

  test('with shuffling spends four words, and permutes by a generator of its own', () => {
    const [generator, twin] = [new Generator(9), new Generator(9)];
    const order = epochOrder(generator, 100, true);
    twin.randomInt63();
    expect(order).toEqual(new Generator(twin.randomInt63()).randperm(100));
    expect(generator.random()).toBe(twin.random());
  });

  test('is different in the next epoch', () => {
    const generator = new Generator(9);
    expect(epochOrder(generator, 100, true)).not.toEqual(epochOrder(generator, 100, true));
  });
});

describe('the state', () => {
  const continuation = (generator: Generator): unknown => [
    normal32(generator, 3),
    uniform32(generator, 700),
    normal64(generator, 20),
    generator.randperm(30),
    normal32(generator, 2),
  ];

  test('that is converted to JSON and back continues with the same draws, from any point of the stream', () => {
    fc.assert(
      fc.property(fc.nat(1300), fc.nat(3), (words, normals) => {
        const original = skipWords(new Generator(8), words);
        normal32(original, normals);
        const state = JSON.parse(JSON.stringify(original.getState())) as GeneratorState;
        expect(continuation(new Generator(1).setState(state))).toEqual(continuation(original));
      }),
      { numRuns: 30 },
    );
  });

  test('is a copy that later draws do not change', () => {
    const generator = new Generator(8);
    const state = generator.getState();
    const first = uniform32(generator, 1000);
    expect(uniform32(generator.setState(state), 1000)).toEqual(first);
  });

  const valid = new Generator(8).getState();
  test.each([
    ['too few words', { ...valid, words: valid.words.slice(1) }],
    ['a word beyond 32 bits', { ...valid, words: valid.words.map((word, i) => (i === 5 ? 2 ** 32 : word)) }],
    ['a fractional word', { ...valid, words: valid.words.map((word, i) => (i === 5 ? 0.5 : word)) }],
    ['a position beyond the words', { ...valid, position: 625 }],
    ['a negative position', { ...valid, position: -1 }],
    ['a kept value that is no number', { ...valid, nextNormal: NaN }],
  ])('with %s is refused and does not change the generator', (_, state) => {
    const generator = new Generator(2);
    expect(() => generator.setState(state)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    expect(uniform32(generator, 10)).toEqual(uniform32(new Generator(2), 10));
  });
});
