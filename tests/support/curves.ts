// Curves of whole runs: a job's own on the engine, what a script printed, and how far two of them are apart.
import { checkSpec, defaultLimits, train } from '@trainyard/engine';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { z } from 'zod';
import { uploads } from './uploads.ts';

declare module 'vitest' {
  /** What a test measured, for reports: the JSON reporter carries it. */
  interface TaskMeta {
    deviation?: number;
  }
}

const pointSchema = z.object({
  epoch: z.int(),
  trainLoss: z.number(),
  testLoss: z.number().nullable(),
  testAccuracy: z.number().nullable(),
  learningRate: z.number(),
});
/** What a script prints of an epoch. */
export type CurvePoint = z.infer<typeof pointSchema>;

/** The curve of a job on the engine. @param folder where files of datasets lie. */
export async function engineCurve(body: unknown, folder: string): Promise<CurvePoint[]> {
  const files = new NodeDatasetFiles({ folders: [folder], home: folder });
  const points: CurvePoint[] = [];
  const { spec } = checkSpec(body, defaultLimits, uploads);
  for await (const event of train(spec, { files })) if (event.type === 'epoch') points.push(pointSchema.parse(event));
  return points;
}

/** The curve that a script printed, a line of JSON an epoch. */
export function printedCurve(printed: string): CurvePoint[] {
  return printed
    .trim()
    .split('\n')
    .map((line) => pointSchema.parse(JSON.parse(line)));
}

/** Largest relative distance of two losses or rates; Infinity for curves of other lengths or with other nulls. */
export function curveDistance(a: readonly CurvePoint[], b: readonly CurvePoint[]): number {
  if (a.length !== b.length) return Infinity;
  const distances = a.flatMap((point, i) =>
    (['trainLoss', 'testLoss', 'learningRate'] as const).map((name) => distance(point[name], b[i][name])),
  );
  return Math.max(...distances);
}

function distance(a: number | null, b: number | null): number {
  if (a === b) return 0;
  return a === null || b === null ? Infinity : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
