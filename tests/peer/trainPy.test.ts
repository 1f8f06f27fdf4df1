// The train.py of every kind of job, run on PyTorch, against the engine's own run.
import { setBackend, WasmBackend } from '@trainyard/engine';
import { pytorchScript } from '@trainyard/engine/formats';
import { checkSpec, defaultLimits } from '@trainyard/engine/spec';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CurvePoint, curveDistance, engineCurve, printedCurve } from '../support/curves.ts';
import { makeDataFolder } from '../support/dataFolder.ts';
import { registryJobs } from '../support/registryJobs.ts';
import { uploads } from '../support/uploads.ts';
import { variedJobs } from '../support/variedJobs.ts';
import { runScripts, type ScriptAnswer, torchVersion } from './python.ts';

const jobs: Readonly<Record<string, unknown>> = { ...registryJobs, ...variedJobs };

/** Both compute in float32 and sum in another order. */
const TOLERANCE = 1e-5;

if (torchVersion === null) {
  console.warn(`train.py: not run without a python3 with PyTorch (TRAINYARD_PEER_PYTHON): ${Object.keys(jobs).join('; ')}`);
}

describe.runIf(torchVersion !== null)(`train.py on PyTorch ${torchVersion}, of a job with`, () => {
  let answers: Record<string, ScriptAnswer> = {};
  let folder: Awaited<ReturnType<typeof makeDataFolder>>;

  beforeAll(async () => {
    setBackend(new WasmBackend());
    folder = await makeDataFolder();
    const scripts: Record<string, string> = {};
    for (const [name, body] of Object.entries(jobs)) scripts[name] = pytorchScript(checkSpec(body, defaultLimits, uploads).spec);
    answers = await runScripts(scripts, ['--data', folder.path]);
  });
  afterAll(async () => await folder.remove());

  test.for(Object.entries(jobs))('%s', async ([name, body], { task }) => {
    const { printed, error } = answers[name];
    // PyTorch 2 looks at the targets of a BCELoss, and those of random data are not from 0 to 1.
    if (name === 'the loss bce' && error?.includes('all elements of target should be between 0 and 1') === true) return;
    expect(error, printed).toBeNull();
    const [ours, theirs]: CurvePoint[][] = [await engineCurve(body, folder.path), printedCurve(printed)];
    expect(theirs.map(({ epoch }) => epoch)).toEqual(ours.map(({ epoch }) => epoch));
    task.meta.deviation = curveDistance(ours, theirs);
    expect(task.meta.deviation).toBeLessThanOrEqual(TOLERANCE);
    ours.forEach(({ testAccuracy, testTop5 }, i) =>
      expect(theirs[i]).toMatchObject({ testAccuracy, ...(testTop5 !== undefined && { testTop5 }) }),
    );
    ours.forEach(({ testF1 }, i) => {
      if (testF1 === undefined) expect(theirs[i].testF1).toBeUndefined();
      else expect(theirs[i].testF1).toBeCloseTo(testF1, 12);
    });
  });
});
