// PyTorch's learning rates epoch by epoch, against schedulers.json.
import { Schedule } from '@trainyard/engine';
import { schedulerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { readConformance } from './conformanceDir.ts';
import { schedulers, typesByName } from './counterparts.ts';
import { expectKnown } from './expectKnown.ts';
import { camelCase } from './names.ts';

interface Case {
  readonly scheduler: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly base_lr: number;
  /** The rate in force in epoch 0, 1, … */
  readonly lrs: readonly number[];
  /** What a scheduler that follows a metric was told after each epoch. */
  readonly metric?: readonly number[];
}

const types = typesByName(schedulers);

/** PyTorch's arguments that the engine calls otherwise than in camelCase. */
const renamed: Readonly<Record<string, string>> = { max_lr: 'maxLearningRate', min_lr: 'minLearningRate' };

const RELATIVE = 1e-9;

const cases = readConformance<Case[]>('schedulers.json');
const known = cases.filter(({ scheduler }) => types.has(scheduler));

test('schedulers.json holds only schedulers that the engine has', () => {
  expectKnown(
    'schedulers.json',
    cases.map(({ scheduler }) => scheduler),
    Object.fromEntries(types),
  );
});

describe.each(known.map((entry, index) => ({ ...entry, index })))(
  '$scheduler $args, case $index',
  ({ scheduler, args, base_lr: base, lrs, metric }) => {
    test("gives PyTorch's rate in every epoch", () => {
      const options = Object.fromEntries(Object.entries(args).map(([name, value]) => [renamed[name] ?? camelCase(name), value]));
      const spec = schedulerSchema.parse({ type: types.get(scheduler), ...options });
      expect(lrs.length).toBeGreaterThan(0);
      const schedule = new Schedule(spec, base);
      lrs.forEach((rate, epoch) => {
        const { learningRate: ours } = schedule.after(epoch, epoch);
        expect(Math.abs(ours - rate), `epoch ${epoch}: ${ours} against ${rate}`).toBeLessThanOrEqual(RELATIVE * Math.abs(rate));
        const value = metric?.[epoch] ?? null;
        schedule.observe({ trainLoss: null, testLoss: value, testAccuracy: null });
      });
    });
  },
);
