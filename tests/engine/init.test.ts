// Tests the initial weights of layers. For the same seed they equal the initial weights in PyTorch, also in cases that the conformance set
// does not contain. Invalid arguments are refused.
import { describe, expect, test } from 'vitest';
import { initializeConvOrLinear, kaimingUniform_ } from '../../packages/engine/src/nn/init.ts';
import { Generator } from '../../packages/engine/src/random.ts';
import { sha256 } from '../support/sha256.ts';

describe('a fresh layer', () => {
  test('Linear(784, 300) has the weights and bias of PyTorch, to the bit', () => {
    const [weight, bias] = [new Float32Array(784 * 300), new Float32Array(300)];
    initializeConvOrLinear(weight, bias, 784, new Generator(0));
    expect(sha256(weight)).toBe('0da9f5d97d1bc69370dd8747d5483441ba626744cdae9ba8e4fb75b0478fc700');
    expect(sha256(bias)).toBe('8865051bd84921079e5db5dc3cea96f2542cb2e0e657f22ce81e31612dadd35d');
  });

  test('Conv2d(3, 16, 3) has the weights and bias of PyTorch, to the bit', () => {
    const [weight, bias] = [new Float32Array(16 * 3 * 3 * 3), new Float32Array(16)];
    initializeConvOrLinear(weight, bias, 27, new Generator(0));
    expect(sha256(weight)).toBe('cfbda2f5d7e2bdab89e3a3527fffa84aad53baa3f05d9c4a6a65803f38fc2966');
    expect(sha256(bias)).toBe('7ae6a456ce97b184eb7336a00373fb9aa69e676d1b5605a3be2c3e5f21d2d82e');
  });

  test('without a bias draws nothing for one', () => {
    const [withBias, without] = [new Generator(5), new Generator(5)];
    const weights = [new Float32Array(12), new Float32Array(12)];
    initializeConvOrLinear(weights[0], new Float32Array(3), 4, withBias);
    initializeConvOrLinear(weights[1], null, 4, without);
    expect(weights[0]).toEqual(weights[1]);
    for (let i = 0; i < 3; i++) without.random();
    expect(withBias.random()).toBe(without.random());
  });
});

describe('kaimingUniform_', () => {
  test('uses the given slope, as PyTorch does', () => {
    const generator = new Generator(0);
    const flat = kaimingUniform_(new Float32Array(4), 4, generator, 0);
    expect([...flat]).toEqual([-0.009169445373117924, 0.657006561756134, -1.0080204010009766, -0.9013375639915466]);
    const leaky = kaimingUniform_(new Float32Array(50 * 33), 33, generator, 0.01);
    expect(sha256(leaky)).toBe('0cc06377d58dbfebacbb7d4ca22616ea1a039ee659334fd5b26a7d88fcba87cb');
  });

  test('keeps float64 weights within 1/√fanIn, and uses that range', () => {
    const weight = kaimingUniform_(new Float64Array(10000), 25, new Generator(0));
    const largest = weight.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(0.2);
    expect(largest).toBeGreaterThan(0.199);
  });

  test.each([0, -3, 2.5, NaN])('refuses a fan in of %s', (fanIn) => {
    const draw = (): Float32Array => kaimingUniform_(new Float32Array(1), fanIn, new Generator(0));
    expect(draw).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    expect(draw).toThrow(`got ${fanIn}`);
  });
});
