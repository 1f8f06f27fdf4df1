// The loss curves of whole runs, of jobs on the engine and of scripts, and the difference between two curves.
import { train } from '@trainyard/engine';
import { checkSpec, defaultLimits } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { z } from 'zod';
import { uploads } from './uploads.ts';

declare module 'vitest' {
  /** Stores a measured value of a test for the JSON report. */
  interface TaskMeta {
    deviation?: number;
  }
}

const pointSchema = z.object({
  epoch: z.int(),
  trainLoss: z.number(),
  testLoss: z.number().nullable(),
  testAccuracy: z.number().nullable(),
  testF1: z.number().optional(),
  testTop5: z.number().optional(),
  testMae: z.number().optional(),
  testRmse: z.number().optional(),
  testR2: z.number().optional(),
  learningRate: z.number(),
});
/** The line that a script prints for an epoch. */
export type CurvePoint = z.infer<typeof pointSchema>;

/** Returns the point of an epoch's event. */
export const pointOf = (event: unknown): CurvePoint => pointSchema.parse(event);

/** Runs a job on the engine and returns its curve. @param folder the folder with the dataset files */
export async function engineCurve(body: unknown, folder: string): Promise<CurvePoint[]> {
  const files = new NodeDatasetFiles({ folders: [folder], home: folder });
  const points: CurvePoint[] = [];
  const { spec } = checkSpec(body, defaultLimits, uploads);
  for await (const event of train(spec, { files })) if (event.type === 'epoch') points.push(pointOf(event));
  return points;
}

/** Parses the curve that a script printed, one line of JSON per epoch. */
export function printedCurve(printed: string): CurvePoint[] {
  return printed
    .trim()
    .split('\n')
    .map((line) => pointSchema.parse(JSON.parse(line)));
}

/** Returns the largest relative difference of two losses or rates; Infinity if the lengths or the nulls of the curves differ. */
export function curveDistance(a: readonly CurvePoint[], b: readonly CurvePoint[]): number {
  if (a.length !== b.length) return Infinity;
  const distances = a.flatMap((point, i) =>
    (['trainLoss', 'testLoss', 'testMae', 'testRmse', 'testR2', 'learningRate'] as const).map((name) => distance(point[name], b[i][name])),
  );
  return Math.max(...distances);
}

function distance(a: number | null = null, b: number | null = null): number {
  if (a === b) return 0;
  return a === null || b === null ? Infinity : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
