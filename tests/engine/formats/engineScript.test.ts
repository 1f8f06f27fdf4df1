// Tests the text of train.ts, and what the script computes. When Node runs the script, its losses equal the losses of the job, bit for bit,
// for every kind of job.
import { readFile } from 'node:fs/promises';
import { engineScript } from '@trainyard/engine/formats';
import { checkSpec, defaultLimits } from '@trainyard/engine/spec';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineCurve, printedCurve } from '../../support/curves.ts';
import { makeDataFolder } from '../../support/dataFolder.ts';
import { registryJobs } from '../../support/registryJobs.ts';
import { uploads } from '../../support/uploads.ts';
import { variedJobs } from '../../support/variedJobs.ts';
import { type ScriptAnswer, type ScriptFolder, scriptFolder } from './fixtures/runScripts.ts';

const scriptOf = (body: unknown): string => engineScript(checkSpec(body, defaultLimits, uploads).spec);

test("the tutorial's script looks like hand-written code", async () => {
  expect(scriptOf(JSON.parse(await readFile('docs/examples/tutorial.json', 'utf8')))).toMatchInlineSnapshot(`
    "// tutorial: the same model, seed, data and training loop on Trainyard's engine. The losses are the same as the job's.
    // Usage: node train.ts [--data FOLDER] [--engine FOLDER]    It prints one line of JSON per epoch.
    // The engine is the checkout of Trainyard in --engine or TRAINYARD_ENGINE, or else the installed package @trainyard/engine.
    import { createRequire } from 'node:module';
    import { resolve } from 'node:path';
    import { pathToFileURL } from 'node:url';
    import { parseArgs } from 'node:util';

    const { values } = parseArgs({
      options: { data: { type: 'string', default: 'data' }, engine: { type: 'string', default: process.env['TRAINYARD_ENGINE'] ?? '' } },
    });

    function engineFile(name: string): string {
      try {
        const from = values.engine === '' ? import.meta.url : resolve(values.engine, 'package.json');
        return pathToFileURL(createRequire(from).resolve(name)).href;
      } catch {
        const place = values.engine === '' ? 'next to this file' : \`in \${values.engine}\`;
        console.error(\`train.ts needs Trainyard's engine, but \${name} was not found \${place}.\`);
        console.error('Build a checkout of Trainyard (npm install && npm run build) and give its folder: node train.ts --engine FOLDER');
        return process.exit(1);
      }
    }

    const {
      batchTensors,
      Conv2d,
      Flatten,
      inArena,
      Linear,
      manualSeed,
      MaxPool2d,
      MSELoss,
      optim,
      ReLU,
      Sequential,
    } = (await import(engineFile('@trainyard/engine'))) as typeof import('@trainyard/engine');
    const { epochOrder, InlineLoader, loadData } = (await import(engineFile('@trainyard/engine/data'))) as typeof import('@trainyard/engine/data');
    const { NodeDatasetFiles } = (await import(engineFile('@trainyard/engine/node'))) as typeof import('@trainyard/engine/node');

    const files = new NodeDatasetFiles({ folders: [values.data], home: values.data });

    const generator = manualSeed(0);

    const model = new Sequential(
      ['conv1', new Conv2d(1, 6, 5)],
      ['1', new ReLU()],
      ['2', new MaxPool2d(2)],
      ['conv2', new Conv2d(6, 16, 5)],
      ['4', new ReLU()],
      ['5', new MaxPool2d(2)],
      ['6', new Flatten()],
      ['fc1', new Linear(400, 120)],
      ['8', new ReLU()],
      ['fc2', new Linear(120, 84)],
      ['10', new ReLU()],
      ['fc3', new Linear(84, 10)],
    );

    const data = await loadData({ dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 1, batchSize: 64, shuffle: true, dropLast: false, transforms: [] }, { files, generator });
    const loader = new InlineLoader(data.train, { batchSize: 64, dropLast: false });

    const criterion = new MSELoss();
    const optimizer = new optim.SGD(model.parameters(), { learningRate: 0.01 });

    for (let epoch = 1; epoch <= 20; epoch++) {
      const learningRate = optimizer.learningRate;
      let totalLoss = 0;
      let seen = 0;
      for (const batch of loader.epoch(epochOrder(generator, data.train.length, true), epoch)) {
        inArena(() => {
          const [input, target] = batchTensors(batch);
          optimizer.zeroGrad();
          const loss = criterion.forward(model.forward(input), target);
          if (!Number.isFinite(loss.item())) throw new Error(\`the loss is no longer finite in epoch \${epoch}\`);
          loss.backward();
          optimizer.step();
          totalLoss += loss.item() * batch.size;
          seen += batch.size;
        });
      }
      const metrics = { trainLoss: totalLoss / seen, testLoss: null, testAccuracy: null };
      console.log(JSON.stringify({ epoch, ...metrics, learningRate }));
    }
    "
  `);
});

test('a script on images contains the transforms, the metrics and the stopping rule', () => {
  const [, body] = Object.entries(variedJobs).find(([name]) => name.includes('stopping')) ?? [];
  const data = { dataset: 'mnist', trainLimit: 256, transforms: [{ type: 'horizontalFlip' }] };
  expect(scriptOf({ ...(body as object), data })).toMatchInlineSnapshot(`
    "// A job: the same model, seed, data and training loop on Trainyard's engine. The losses are the same as the job's.
    // Usage: node train.ts [--data FOLDER] [--engine FOLDER]    It prints one line of JSON per epoch.
    // The engine is the checkout of Trainyard in --engine or TRAINYARD_ENGINE, or else the installed package @trainyard/engine.
    import { createRequire } from 'node:module';
    import { resolve } from 'node:path';
    import { pathToFileURL } from 'node:url';
    import { parseArgs } from 'node:util';
    import type { TransformSpec } from '@trainyard/engine/data';

    const { values } = parseArgs({
      options: { data: { type: 'string', default: 'data' }, engine: { type: 'string', default: process.env['TRAINYARD_ENGINE'] ?? '' } },
    });

    function engineFile(name: string): string {
      try {
        const from = values.engine === '' ? import.meta.url : resolve(values.engine, 'package.json');
        return pathToFileURL(createRequire(from).resolve(name)).href;
      } catch {
        const place = values.engine === '' ? 'next to this file' : \`in \${values.engine}\`;
        console.error(\`train.ts needs Trainyard's engine, but \${name} was not found \${place}.\`);
        console.error('Build a checkout of Trainyard (npm install && npm run build) and give its folder: node train.ts --engine FOLDER');
        return process.exit(1);
      }
    }

    const {
      batchTensors,
      clipGradientNorm,
      CrossEntropyLoss,
      Flatten,
      GELU,
      GroupNorm,
      inArena,
      Linear,
      manualSeed,
      metricSums,
      noGrad,
      optim,
      Schedule,
      Sequential,
    } = (await import(engineFile('@trainyard/engine'))) as typeof import('@trainyard/engine');
    const { epochOrder, InlineLoader, loadData, sampleOrder } = (await import(engineFile('@trainyard/engine/data'))) as typeof import('@trainyard/engine/data');
    const { NodeDatasetFiles } = (await import(engineFile('@trainyard/engine/node'))) as typeof import('@trainyard/engine/node');

    const files = new NodeDatasetFiles({ folders: [values.data], home: values.data });

    const generator = manualSeed(4);

    const model = new Sequential(
      ['0', new GroupNorm(1, 1)],
      ['1', new GELU()],
      ['2', new Flatten()],
      ['3', new Linear(784, 10)],
    );

    const transforms: TransformSpec[] = [{ type: 'horizontalFlip', p: 0.5 }];
    const data = await loadData({ dataset: 'mnist', trainLimit: 256, batchSize: 64, shuffle: true, dropLast: false, transforms: [] }, { files, generator });
    const loader = new InlineLoader(data.train, { batchSize: 64, dropLast: false, transforms, augmentationSeed: 4 });
    if (data.test === null) throw new Error('the data has no test part');
    const testTarget = data.test.target;
    const testOrder = sampleOrder(null, data.test.length);
    const testLoader = new InlineLoader(data.test, { batchSize: 256, dropLast: false, transforms });

    const criterion = new CrossEntropyLoss({ labelSmoothing: 0.1 });
    const optimizer = new optim.NAdam(model.parameters(), { learningRate: 0.002, weightDecay: 0.001 });
    const schedule = new Schedule({ type: 'reduceOnPlateau', interval: 'epoch', metric: 'testLoss', mode: 'min', factor: 0.1, patience: 0, threshold: 0.0001, thresholdMode: 'rel', cooldown: 0, minLearningRate: 0, eps: 1e-8 }, 0.002);

    function evaluate() {
      model.eval();
      let totalLoss = 0;
      const sums = metricSums(testTarget);
      for (const batch of testLoader.epoch(testOrder)) {
        inArena(() => {
          noGrad(() => {
            const [input, target] = batchTensors(batch);
            const output = model.forward(input);
            totalLoss += criterion.forward(output, target).item() * batch.size;
            sums.add(output.values, batch.targets);
          });
        });
      }
      model.train();
      return { testLoss: totalLoss / sums.samples, ...sums.metrics };
    }

    let steps = 0;
    let best: number | null = null;
    let waited = 0;
    for (let epoch = 1; epoch <= 4; epoch++) {
      const learningRate = schedule.after(epoch - 1, steps).learningRate;
      let totalLoss = 0;
      let seen = 0;
      for (const batch of loader.epoch(epochOrder(generator, data.train.length, true), epoch)) {
        const rates = schedule.after(epoch - 1, steps);
        optimizer.learningRate = rates.learningRate;
        steps += 1;
        inArena(() => {
          const [input, target] = batchTensors(batch);
          optimizer.zeroGrad();
          const loss = criterion.forward(model.forward(input), target);
          if (!Number.isFinite(loss.item())) throw new Error(\`the loss is no longer finite in epoch \${epoch}\`);
          loss.backward();
          clipGradientNorm(model.parameters(), 0.5);
          optimizer.step();
          totalLoss += loss.item() * batch.size;
          seen += batch.size;
        });
      }
      const metrics = { trainLoss: totalLoss / seen, ...evaluate() };
      console.log(JSON.stringify({ epoch, ...metrics, learningRate }));
      schedule.observe(metrics);
      const value = metrics.testLoss;
      if (typeof value === 'number' && Number.isFinite(value) && (best === null || best - value > 0)) {
        best = value;
        waited = 0;
      } else {
        waited += 1;
      }
      if (waited >= 1) break;
    }
    "
  `);
});

test('a name in a spec cannot inject code', () => {
  const name = "x'*/ \u2028 alert(); ${y} `";
  const script = scriptOf({ ...registryJobs['the loss mse'], name, model: { layers: [{ type: 'linear', name, outFeatures: 3 }] } });
  const lines = script.split(/[\n\r\u2028\u2029]/).filter((line) => line.includes('alert'));
  expect(lines).toEqual([
    "// x'*/   alert(); ${y} `: the same model, seed, data and training loop on Trainyard's engine. The losses are the same as the job's.",
    `  ["x'*/ \\u2028 alert(); \${y} \`", new Linear(6, 3)],`,
  ]);
});

describe('Node runs the script of a job with', () => {
  const jobs: Readonly<Record<string, unknown>> = { ...registryJobs, ...variedJobs };
  const names = Object.keys(jobs);
  let scripts: ScriptFolder;
  let data: Awaited<ReturnType<typeof makeDataFolder>>;
  let answers: ScriptAnswer[] = [];

  beforeAll(async () => {
    data = await makeDataFolder();
    scripts = await scriptFolder(names.map((name) => scriptOf(jobs[name])));
    answers = await scripts.run('--data', data.path);
  });
  afterAll(async () => await Promise.all([scripts.remove(), data.remove()]));

  test.for(names)('%s and gets the losses of the job', async (name) => {
    const { printed, error } = answers[names.indexOf(name)];
    expect(error).toBeNull();
    expect(printedCurve(printed)).toEqual(await engineCurve(jobs[name], data.path));
  });

  test('any spec, and the types of the script are correct', () => {
    expect(scripts.typeCheck()).toEqual({ status: 0, stdout: '' });
  });
});
