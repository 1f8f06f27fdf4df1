// Defines each activation: its name, and its value and slope as plain float64 formulas. The reference backend computes with these formulas.
// An activation's index in the table is its number in the kernels, whose build imports this file.
import { erf, erfc } from '../errorFunction.ts';
import { exp, log1p, tanh } from '../math.ts';

/** An activation. Four of them have parameters a and b: softplus(beta, threshold), leakyRelu(slope), elu(alpha) and clamp(min, max). */
interface Activation {
  value(x: number, a: number, b: number): number;
  /** Returns the derivative. Where the function has no derivative, returns the number that PyTorch uses there. */
  slope(x: number, a: number, b: number): number;
}

const sigmoid = (x: number): number => 1 / (1 + exp(-x));
/** Returns the cumulative distribution function of the standard normal distribution. */
const normal = (x: number): number => 0.5 * erfc(-x * Math.SQRT1_2);
/** Returns tanh(log(1 + eˣ)), the gate of mish, and the gate's slope. Both are fractions of z = e^(−|x|), which cannot overflow. */
function mishGate(x: number): { readonly gate: number; readonly slope: number } {
  const z = exp(-Math.abs(x));
  const numerator = x < 0 ? z * (z + 2) : 1 + 2 * z;
  const denominator = x < 0 ? numerator + 2 : numerator + 2 * z * z;
  return { gate: numerator / denominator, slope: (4 * (x < 0 ? z : z * z) * (1 + z)) / (denominator * denominator) };
}
const ROOT_OF_TWO_OVER_PI = Math.sqrt(2 / Math.PI);
const cubic = (x: number): number => ROOT_OF_TWO_OVER_PI * (x + 0.044715 * x * x * x);
const inner = (x: number): number => tanh(cubic(x));

const table = {
  sigmoid: { value: sigmoid, slope: (x) => sigmoid(x) * (1 - sigmoid(x)) },
  tanh: { value: tanh, slope: (x) => 1 - tanh(x) * tanh(x) },
  silu: { value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  softplus: {
    value: (x, beta, threshold) => (x * beta > threshold ? x : (Math.max(x * beta, 0) + log1p(exp(-Math.abs(x * beta)))) / beta),
    slope: (x, beta, threshold) => (x * beta > threshold ? 1 : sigmoid(x * beta)),
  },
  gelu: { value: (x) => x * normal(x), slope: (x) => normal(x) + (x * exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI) },
  geluTanh: {
    // (1 + tanh(u)) / 2 is computed as sigmoid(2u), because the sum loses digits for negative u.
    value: (x) => x * sigmoid(2 * cubic(x)),
    slope: (x) => 0.5 * (1 + inner(x) + x * (1 - inner(x) * inner(x)) * ROOT_OF_TWO_OVER_PI * (1 + 0.134145 * x * x)),
  },
  leakyRelu: { value: (x, slope) => (x > 0 ? x : slope * x), slope: (x, slope) => (x > 0 ? 1 : slope) },
  // Computes exp(x) − 1 from tanh, because subtracting 1 from exp(x) loses digits near 0.
  elu: { value: (x, alpha) => (x > 0 ? x : alpha * tanh(x / 2) * (exp(x) + 1)), slope: (x, alpha) => (x > 0 ? 1 : alpha * exp(x)) },
  relu6: { value: (x) => Math.min(Math.max(x, 0), 6), slope: (x) => (x > 0 && x < 6 ? 1 : 0) },
  hardSwish: {
    value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    slope: (x) => (x < -3 ? 0 : x <= 3 ? x / 3 + 0.5 : 1),
  },
  hardSigmoid: { value: (x) => Math.min(Math.max(x + 3, 0), 6) / 6, slope: (x) => (x > -3 && x < 3 ? 1 / 6 : 0) },
  mish: { value: (x) => x * mishGate(x).gate, slope: (x) => mishGate(x).gate + x * mishGate(x).slope },
  erf: { value: erf, slope: (x) => (2 / Math.sqrt(Math.PI)) * exp(-x * x) },
  clamp: { value: (x, min, max) => Math.min(Math.max(x, min), max), slope: (x, min, max) => (x >= min && x <= max ? 1 : 0) },
} satisfies Record<string, Activation>;

export type ActivationOp = keyof typeof table;

export const activations: Readonly<Record<ActivationOp, Activation>> = table;

/** The names of all activations, in the order of their numbers in the kernels. */
export const activationOps = Object.keys(table) as readonly ActivationOp[];
