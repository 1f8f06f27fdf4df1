// How a client is told to make a prediction smaller: by what it has sent, and by what would be within the limit.
import { expect, test } from 'vitest';
import { neededBytes, type RequestedPrediction, smallerPrediction } from '../../services/api/src/predict/cost.ts';
import { ProblemError } from '../../services/api/src/problems.ts';
import { specOn } from './fixtures/predictionJobs.ts';

/** A network with 1,000,000 outputs for each sample, so that two samples are the most. */
const wide = specOn([1], 1_000_000, [{ type: 'linear', outFeatures: 1_000_000 }]);
/** A network with 600,001 numbers in its feature maps for each sample, so that one sample is the most. */
const mapped = specOn([1], 1, [
  { type: 'linear', outFeatures: 600_000 },
  { type: 'linear', outFeatures: 1 },
]);

function problemOf(request: RequestedPrediction, memoryBytes = 8e9): { readonly path: string; readonly message: string } | null {
  try {
    neededBytes(request, memoryBytes);
    return null;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect([error.statusCode, error.code]).toEqual([422, 'invalidRequest']);
    const [issue] = error.issues;
    expect(issue?.code).toBe('limitExceeded');
    return { path: issue?.path ?? '', message: issue?.message ?? '' };
  }
}

test.for([
  ['inputs', '/inputs', 'send at most 2 inputs at a time'],
  ['rows', '/rows', 'send at most 2 rows at a time'],
  ['table', '', 'send at most 2 rows at a time'],
] as const)('too many samples as %s: the error has their place, and how many fit', ([sentAs, path, action]) => {
  const request = { spec: wide, sentAs, samples: 5, activations: false };
  const message = `the outputs have 5000000 numbers, but a response may have at most 2000000: ${action}`;
  expect(problemOf(request)).toEqual({ path, message });
  expect(problemOf({ ...request, samples: 2 })).toBeNull();
});

test('feature maps that are too large: with one input they may fit, otherwise the client does without them', () => {
  const request = { spec: mapped, sentAs: 'inputs', samples: 2, activations: true } as const;
  expect(problemOf(request)).toMatchObject({ path: '/inputs', message: expect.stringMatching(/: send one input at a time$/) as string });
  expect(problemOf({ ...request, samples: 1 })).toBeNull();
  const huge = specOn([1], 1, [
    { type: 'linear', outFeatures: 1_000_000 },
    { type: 'linear', outFeatures: 1 },
  ]);
  const omit = { path: '?activations', message: expect.stringMatching(/: omit \?activations=true$/) as string };
  for (const samples of [1, 2]) expect(problemOf({ ...request, spec: huge, samples })).toMatchObject(omit);
  expect(problemOf({ ...request, spec: huge, samples: 1, activations: false })).toBeNull();
});

test.for(['inputs', 'image'] as const)('a network that is too large for a single sample (%s): it predicts elsewhere', (sentAs) => {
  const problem = problemOf({ spec: mapped, sentAs, samples: 1, activations: false }, 100e6);
  expect(problem?.path).toBe(sentAs === 'inputs' ? '/inputs' : '');
  expect(problem?.message).toMatch(
    /but at most 100000000 are allowed: the network is too large to predict here, so download model\.safetensors/,
  );
});

test('a limit that only the computation shows: fewer samples, then no feature maps, then another place', () => {
  const request = { spec: mapped, sentAs: 'rows', samples: 3, activations: true } as const;
  expect(smallerPrediction(request)).toEqual({ path: '/rows', action: 'send fewer rows' });
  expect(smallerPrediction({ ...request, samples: 1 })).toEqual({ path: '?activations', action: 'omit ?activations=true' });
  const last = { path: '/rows', action: 'download model.safetensors and predict elsewhere' };
  expect(smallerPrediction({ ...request, samples: 1, activations: false })).toEqual(last);
});
