// Compares the portable elementary functions with those of the platform, over wide random ranges and at special values. The platform's
// results have errors of up to 1 ulp, so the two may differ by 2 ulp. The digests at the end check every bit.
import { describe, expect, test } from 'vitest';
import { cos, exp, log, log1p, pow, sin } from '../../packages/engine/src/math.ts';
import { Generator } from '../../packages/engine/src/random.ts';
import { sha256 } from '../support/sha256.ts';

const SMALLEST = Number.MIN_VALUE;
const SMALLEST_NORMAL = 2.2250738585072014e-308;
const EDGES = [
  0,
  SMALLEST,
  1e-310,
  SMALLEST_NORMAL,
  1e-20,
  0.5,
  1,
  1.5,
  2,
  3,
  709,
  711,
  745,
  747,
  1e16,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  Infinity,
];
const SPECIALS = [NaN, ...EDGES, ...EDGES.map((x) => -x)];

const view = new DataView(new ArrayBuffer(8));

/** Returns the position of x among all doubles. Neighbours differ by 1. */
function rank(x: number): bigint {
  view.setFloat64(0, Math.abs(x));
  const distance = view.getBigInt64(0);
  return x < 0 ? -distance : distance;
}

/** Returns the number of representable numbers between a and b; 0 for two NaN. */
function ulpDistance(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  return Math.abs(Number(rank(a) - rank(b)));
}

function uniform(count: number, low: number, high: number, seed = 1): Float64Array {
  return new Generator(seed).uniform_(new Float64Array(count), low, high);
}

/** Returns random numbers of both signs. Their logarithms are uniform between those of the limits. */
function acrossMagnitudes(count: number, low: number, high: number): Float64Array {
  return uniform(count, Math.log2(low), Math.log2(high)).map((power, i) => (i % 2 === 0 ? 2 ** power : -(2 ** power)));
}

const ranges: [name: string, own: (x: number) => number, platform: (x: number) => number, inputs: Float64Array][] = [
  ['exp near 0', exp, Math.exp, acrossMagnitudes(20000, 1e-20, 1)],
  ['exp over its whole range', exp, Math.exp, uniform(20000, -708, 709)],
  ['exp with subnormal results', exp, Math.exp, uniform(2000, -746, -708)],
  ['log near 1', log, Math.log, uniform(20000, 0.5, 2)],
  ['log over all magnitudes', log, Math.log, acrossMagnitudes(20000, 1e-307, 1e308).map(Math.abs)],
  ['log of subnormals', log, Math.log, uniform(2000, SMALLEST, SMALLEST_NORMAL)],
  ['log1p near 0', log1p, Math.log1p, acrossMagnitudes(20000, 1e-300, 0.5)],
  ['log1p of what a normal draw gives it', log1p, Math.log1p, uniform(20000, -1, 0)],
  ['log1p of large numbers', log1p, Math.log1p, acrossMagnitudes(20000, 1, 1e308).map(Math.abs)],
  ['sin of one turn', sin, Math.sin, uniform(20000, -2 * Math.PI, 2 * Math.PI)],
  ['sin of tiny angles', sin, Math.sin, acrossMagnitudes(20000, 1e-300, 1)],
  ['sin of many turns', sin, Math.sin, uniform(20000, -1e6, 1e6)],
  ['sin of huge angles', sin, Math.sin, acrossMagnitudes(5000, 1e6, 1e308)],
  ['sin of multiples of π/2', sin, Math.sin, uniform(20000, -6e5, 6e5).map((x) => Math.floor(x) * (Math.PI / 2))],
  ['cos of one turn', cos, Math.cos, uniform(20000, -2 * Math.PI, 2 * Math.PI)],
  ['cos of many turns', cos, Math.cos, uniform(20000, -1e6, 1e6)],
  ['cos of huge angles', cos, Math.cos, acrossMagnitudes(5000, 1e6, 1e308)],
  ['cos of multiples of π/2', cos, Math.cos, uniform(20000, -6e5, 6e5).map((x) => Math.floor(x) * (Math.PI / 2))],
];

describe('a portable function stays within 2 ulp of the platform', () => {
  test.each(ranges)('%s', (_, own, platform, inputs) => {
    let worst = { distance: 0, x: NaN };
    for (const x of inputs) {
      const distance = ulpDistance(own(x), platform(x));
      if (distance > worst.distance) worst = { distance, x };
    }
    expect(worst.distance, `at ${worst.x}`).toBeLessThanOrEqual(2);
  });

  test.each([
    ['pow of moderate numbers', uniform(20000, 0, 4), uniform(20000, -200, 200, 2)],
    ['pow of decay factors to many steps', uniform(20000, 0.9, 1), uniform(20000, 0, 100000, 2).map(Math.floor)],
    ['pow of numbers near 1 to huge powers', uniform(20000, 1 - 1e-9, 1 + 1e-9), uniform(20000, -1e11, 1e11, 2)],
    ['pow over all magnitudes', acrossMagnitudes(20000, 1e-300, 1e300).map(Math.abs), uniform(20000, -1, 1, 2)],
    ['pow of negative numbers to whole powers', uniform(20000, -10, 0), uniform(20000, -20, 20, 2).map(Math.floor)],
  ])('%s', (_, bases, powers) => {
    let worst = { distance: 0, x: NaN, y: NaN };
    bases.forEach((x, i) => {
      const y = powers[i];
      const distance = ulpDistance(pow(x, y), x ** y);
      if (distance > worst.distance) worst = { distance, x, y };
    });
    expect(worst.distance, `at ${worst.x} ** ${worst.y}`).toBeLessThanOrEqual(2);
  });
});

describe('special values', () => {
  test.each([
    ['exp', exp, Math.exp],
    ['log', log, Math.log],
    ['log1p', log1p, Math.log1p],
    ['sin', sin, Math.sin],
    ['cos', cos, Math.cos],
  ] as const)('%s treats NaN, infinities, zeros, subnormals and limits as the platform does', (_, own, platform) => {
    for (const x of SPECIALS) {
      const [result, expected] = [own(x), platform(x)];
      if (Number.isFinite(expected) && expected !== 0) {
        expect(ulpDistance(result, expected), `${x}: ${result} and ${expected}`).toBeLessThanOrEqual(1);
      } else {
        expect(result, String(x)).toBe(expected);
      }
    }
  });

  test('pow treats every pair of special values as the platform does', () => {
    for (const x of SPECIALS) {
      for (const y of SPECIALS) {
        const [result, expected] = [pow(x, y), x ** y];
        if (Number.isFinite(expected) && expected !== 0) {
          expect(ulpDistance(result, expected), `${x} ** ${y}: ${result} and ${expected}`).toBeLessThanOrEqual(1);
        } else {
          expect(result, `${x} ** ${y}`).toBe(expected);
        }
      }
    }
  });

  test('exp overflows and vanishes exactly where it must', () => {
    expect(exp(709.782712893384)).toBe(1.7976931348622732e308);
    expect(exp(709.7827128933841)).toBe(Infinity);
    expect(exp(-745.1332191019411)).toBe(SMALLEST);
    expect(exp(-745.1332191019412)).toBe(0);
  });
});

describe('values that were computed with 200 bits are matched within 1 ulp', () => {
  test.each([
    ['sin(1e22)', sin(1e22), -0.8522008497671888],
    ['cos(1e22)', cos(1e22), 0.523214785395139],
    ['cos(π/2 as a double)', cos(Math.PI / 2), 6.123233995736766e-17],
    ['sin(π as a double)', sin(Math.PI), 1.2246467991473532e-16],
    ['the angle closest to a multiple of π/2', cos(6381956970095103 * 2 ** 797), -4.687165924254628e-19],
    ['exp(1)', exp(1), Math.E],
    ['log(10)', log(10), Math.LN10],
    ['0.9 ** 100', pow(0.9, 100), 0.000026561398887587544],
    ['2 ** 0.5', pow(2, 0.5), Math.SQRT2],
  ])('%s', (_, value, expected) => {
    expect(ulpDistance(value, expected), `${value}`).toBeLessThanOrEqual(1);
  });
});

test('a power that a double can hold is exact', () => {
  for (let power = -1074; power <= 1023; power++) expect(pow(2, power)).toBe(2 ** power);
  for (let power = 0; power <= 22; power++) expect(pow(10, power)).toBe(Number(`1e${power}`));
  for (let power = 0; power <= 33; power++) expect(pow(-3, power)).toBe(Number((-3n) ** BigInt(power)));
  expect(pow(2.25, 1.5)).toBe(3.375);
  expect(pow(0.25, -0.5)).toBe(2);
});

test('every bit is the same on every machine', () => {
  const inputs = uniform(5000, -10, 10);
  expect({
    exp: sha256(inputs.map(exp)),
    log: sha256(inputs.map((x) => log(x * x))),
    log1p: sha256(inputs.map((x) => log1p(x / 11))),
    sin: sha256(inputs.map(sin)),
    cos: sha256(inputs.map((x) => cos(x * 1e6))),
    pow: sha256(inputs.map((x) => pow(x * x, x))),
  }).toEqual({
    cos: '56ab129029f4fb7ad0a36e3ab70d9b87bb82ba04a77a68a830df0882b9ad306f',
    exp: '1c758f10b7671ea57a9692e898980985e42ba4537e5394968be2d58c6c58370f',
    log: '6eb547ae8d4764edad5945592c5390466ff45190c52154bb9f81632196074e3f',
    log1p: '08051d790cbbbb9cd3eee9909d575f408f4bbed3d59090bbfe76bf9ed65a13ca',
    pow: 'b7f0432cf2f8d2a42699745eb67a9ec0fd35f56b1164399bb3d27404159582bf',
    sin: '97752e887392ffb0e467665b3a453fb546387ed05e907bf89aa1e011f59080c4',
  });
});
