// A snapshot of all gradients as the first backward pass of an epoch leaves them: before clipping and before the update. Small
// ones are shown whole, as PyTorch's tutorial prints them before and after `backward()`. It changes nothing in the run.
import { z } from 'zod';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { NonFiniteNumbers, nonFiniteSchema } from './nonFinite.ts';
import { statisticsOf, statisticsSchema } from './statistics.ts';

/** Parameters of at most so many values are shown whole. */
export const SHOWN_WHOLE = 64;

const valuesSchema = z.array(z.number().nullable());

const parameterGradientSchema = z.object({
  name: z.string().describe("The parameter's, as in `model.safetensors`"),
  shape: z.array(z.int().min(1)),
  ...statisticsSchema.omit({ nonFinite: true }).shape,
  before: valuesSchema
    .nullable()
    .optional()
    .describe(
      `The gradient before \`backward()\`, row-major, for parameters of at most ${SHOWN_WHOLE} values: zeros. Null only in the first epoch of jobs of earlier versions`,
    ),
  after: valuesSchema.optional().describe('The same after it'),
  nonFinite: nonFiniteSchema('`norm`, or `after/3` for that of index 3'),
});
export type ParameterGradient = z.infer<typeof parameterGradientSchema>;

export const gradientSnapshotSchema = z.object({
  epoch: z.int().min(1),
  step: z.literal(1).describe('In its epoch'),
  parameters: z.array(parameterGradientSchema).describe("In the model's order"),
});
/** The gradients of an epoch's first step. */
export type GradientSnapshot = z.infer<typeof gradientSnapshotSchema>;

/** Small gradients as they were before the backward pass, by parameter. */
export type GradientsBefore = ReadonlyMap<Tensor, readonly number[]>;

/** Call it after the gradients were set to zero. A gradient that does not exist yet counts as zeros, as in an update. */
export function gradientsBefore(model: Module): GradientsBefore {
  const small = model.parameters().filter(({ size }) => size <= SHOWN_WHOLE);
  return new Map(
    small.map((parameter) => [
      parameter,
      parameter.grad === null ? new Array<number>(parameter.size).fill(0) : Array.from(parameter.grad.values),
    ]),
  );
}

/** Call it after the backward pass. Parameters without a gradient are not included. */
export function snapshotGradients(model: Module, before: GradientsBefore): ParameterGradient[] {
  return model.namedParameters().flatMap(([name, parameter]) => {
    if (parameter.grad === null) return [];
    const { values } = parameter.grad;
    const { nonFinite: notMeasured, ...statistics } = statisticsOf(values);
    const found = new NonFiniteNumbers();
    const shown: Pick<ParameterGradient, 'before' | 'after'> = {};
    const earlier = before.get(parameter);
    if (earlier !== undefined) {
      shown.before = found.list(earlier, 'before');
      shown.after = found.list(values, 'after');
    }
    const nonFinite = { ...notMeasured, ...found.beside.nonFinite };
    const named = Object.keys(nonFinite).length === 0 ? {} : { nonFinite };
    return [{ name, shape: [...parameter.shape], ...statistics, ...shown, ...named }];
  });
}
