// Exports a job as a TypeScript program for this engine. It has the same model, seed, data and training loop as the job, so its losses are
// the same, bit for bit. pytorchScript.ts does the same for PyTorch.
import { describeData, findDataset } from '../data/datasets/index.ts';
import { samplingOf } from '../data/sampling.ts';
import { isBalanced } from '../losses/classWeights.ts';
import { countFitted } from '../data/transforms/index.ts';
import { findLoss } from '../losses/index.ts';
import { findLayer, inferShapes } from '../nn/layers/index.ts';
import { findScheduler } from '../schedulers/index.ts';
import { initialWeightsFile } from '../training/initialWeights.ts';
import type { JobSpec } from '../training/jobSpec.ts';
import { goalOf } from '../training/metricDefinitions.ts';
import { frozenPatterns } from '../training/weightsOutline.ts';
import { EVALUATION_BATCH } from '../training/trainer.ts';
import { comment, construction, Imports, literal } from './engineScriptCode.ts';
import { forOptimizer, makeOptimizers, observeMetrics, ownLearningRate, setRates } from './engineScriptOptimizer.ts';

/** The data that all parts of a script use. */
interface Outline {
  readonly spec: JobSpec;
  /** The names imported from the engine's main entry. */
  readonly imports: Imports;
  /** The names imported from the engine's entry `data`. */
  readonly dataImports: Imports;
  readonly hasTest: boolean;
}

/**
 * Returns the text of `train.ts`. The program needs the engine and Node. It prints one line of JSON per epoch: epoch, trainLoss, the metrics of
 * the test data, learningRate.
 * @param spec a checked spec, with its defaults filled in
 */
export function engineScript(spec: JobSpec): string {
  const { testSamples } = findDataset(spec.data.dataset).describe(spec.data);
  const outline: Outline = {
    spec,
    imports: new Imports(),
    dataImports: new Imports(),
    hasTest: testSamples > 0,
  };
  const body = [setUp(outline), model(outline), data(outline), learner(outline), loop(outline)].join('\n');
  return `${head(outline)}\n${body}`;
}

function head({ spec, imports, dataImports }: Outline): string {
  const types = dataImports.types.length === 0 ? '' : `import type { ${dataImports.types.join(', ')} } from '@trainyard/engine/data';\n`;
  return `// ${comment(spec.name ?? 'A job')}: the same model, seed, data and training loop on Trainyard's engine. The losses are the same as the job's.
// Usage: node train.ts [--data FOLDER] [--engine FOLDER]    It prints one line of JSON per epoch.
// The engine is the checkout of Trainyard in --engine or TRAINYARD_ENGINE, or else the installed package @trainyard/engine.
${spec.initialWeights === undefined ? '' : "import { readFile } from 'node:fs/promises';\n"}import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
${types}
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
${imports.names.map((name) => `  ${name},\n`).join('')}} = (await import(engineFile('@trainyard/engine'))) as typeof import('@trainyard/engine');
const { ${dataImports.names.join(', ')} } = (await import(engineFile('@trainyard/engine/data'))) as typeof import('@trainyard/engine/data');
const { NodeDatasetFiles } = (await import(engineFile('@trainyard/engine/node'))) as typeof import('@trainyard/engine/node');
`;
}

function setUp({ spec, imports }: Outline): string {
  return `const files = new NodeDatasetFiles({ folders: [values.data], home: values.data });

const generator = ${imports.use('manualSeed')}(${spec.seed});
`;
}

function model({ spec, imports }: Outline): string {
  const { inputShape } = describeData(spec.data);
  const inferred = inferShapes(spec.model.layers, inputShape);
  if (!inferred.ok) throw inferred.error;
  const inputs = [inputShape, ...inferred.layers.map(({ outputShape }) => outputShape)];
  const lines = spec.model.layers.map((layer, index) => {
    const module = construction(findLayer(layer.type).pytorch(layer, inputs[index]), imports);
    return `  [${literal(inferred.layers[index].name)}, ${module}],\n`;
  });
  const { initialWeights } = spec;
  const options = initialWeights?.allowMissing === true ? ', { allowMissing: true }' : '';
  const weights =
    initialWeights === undefined ? '' : `${imports.use('loadWeights')}(model, await readFile('${initialWeightsFile}')${options});\n`;
  const patterns = frozenPatterns(spec);
  const frozen = patterns === undefined ? '' : `${imports.use('freezeWeights')}(model, ${literal(patterns)});\n`;
  return `const model = new ${imports.use('Sequential')}(\n${lines.join('')});\n${weights}${frozen}`;
}

function data({ spec, dataImports, hasTest }: Outline): string {
  // The loop draws the order of the samples, so `loadData` does not need the option `sampling`.
  const { sampling: _sampling, shuffle, dropLast, transforms, ...loaded } = spec.data;
  const { batchSize } = loaded;
  const isFitted = countFitted(transforms) > 0;
  const shown = transforms.length === 0 ? [] : ['transforms', ...(isFitted ? ['statistics'] : [])];
  const own = transforms.length === 0 ? [] : [...shown, `augmentationSeed: ${spec.seed}`];
  const loader = `new ${dataImports.use('InlineLoader')}`;
  const options = (...lines: string[]): string => `{ ${lines.join(', ')} }`;
  const lines = [
    ...(transforms.length === 0 ? [] : [`const transforms: ${dataImports.use('type TransformSpec')}[] = ${literal(transforms)};`]),
    `const data = await ${dataImports.use('loadData')}(${literal({ ...loaded, shuffle, dropLast, transforms: [] })}, { files, generator });`,
    ...(isFitted ? [`const statistics = ${dataImports.use('fitTransforms')}(data.train, transforms);`] : []),
    `const loader = ${loader}(data.train, ${options(`batchSize: ${batchSize}`, `dropLast: ${dropLast}`, ...own)});`,
    ...(hasTest
      ? [
          "if (data.test === null) throw new Error('the data has no test part');",
          'const testTarget = data.test.target;',
          `const testOrder = ${dataImports.use('sampleOrder')}(null, data.test.length);`,
          `const testLoader = ${loader}(data.test, ${options(`batchSize: ${EVALUATION_BATCH}`, 'dropLast: false', ...shown)});`,
        ]
      : []),
    '',
  ];
  return lines.join('\n');
}

function learner({ spec, imports, hasTest }: Outline): string {
  const { loss } = spec;
  const lines = [
    ...(isBalanced(loss) ? [`const classWeights = ${imports.use('tensor')}(${imports.use('balancedWeights')}(data.train));`] : []),
    `const criterion = ${construction(findLoss(loss.type).pytorch(loss), imports)};`,
    ...makeOptimizers(spec, imports),
    '',
  ];
  return `${lines.join('\n')}${hasTest ? evaluation(imports) : ''}`;
}

function evaluation(imports: Imports): string {
  return `
function evaluate() {
  model.eval();
  let totalLoss = 0;
  const sums = ${imports.use('metricSums')}(testTarget);
  for (const batch of testLoader.epoch(testOrder)) {
    ${imports.use('inArena')}(() => {
      ${imports.use('noGrad')}(() => {
        const [input, target] = ${imports.use('batchTensors')}(batch);
        const output = model.forward(input);
        totalLoss += criterion.forward(output, target).item() * batch.size;
        sums.add(output.values, batch.targets);
      });
    });
  }
  model.train();
  return { testLoss: totalLoss / sums.samples, ...sums.metrics };
}
`;
}

function loop({ spec, imports, dataImports, hasTest }: Outline): string {
  const { scheduler, gradientClipping, earlyStopping } = spec;
  const definition = scheduler === undefined ? null : findScheduler(scheduler.type);
  const setsMomentum = scheduler !== undefined && definition?.momentum(scheduler, 0) !== null;
  const follows = scheduler !== undefined && definition?.metric(scheduler) !== null;
  const body = [
    `  const learningRate = ${ownLearningRate(spec)};`,
    '  let totalLoss = 0;',
    '  let seen = 0;',
    `  for (const batch of loader.epoch(${orderCode(spec, dataImports)}, epoch)) {`,
    ...(scheduler === undefined ? [] : setRates(spec, setsMomentum, '    ')),
    `    ${imports.use('inArena')}(() => {`,
    `      const [input, target] = ${imports.use('batchTensors')}(batch);`,
    `      ${forOptimizer(spec, 'optimizer.zeroGrad();')}`,
    '      const loss = criterion.forward(model.forward(input), target);',
    ...(spec.onNonFinite === 'fail'
      ? ['      if (!Number.isFinite(loss.item())) throw new Error(`the loss is no longer finite in epoch ${epoch}`);']
      : []),
    '      loss.backward();',
    ...(gradientClipping === undefined
      ? []
      : [`      ${imports.use('clipGradientNorm')}(model.parameters(), ${gradientClipping.maxNorm});`]),
    `      ${forOptimizer(spec, 'optimizer.step();')}`,
    '      totalLoss += loss.item() * batch.size;',
    '      seen += batch.size;',
    '    });',
    '  }',
    `  const metrics = { trainLoss: totalLoss / seen, ${hasTest ? '...evaluate()' : 'testLoss: null, testAccuracy: null'} };`,
    '  console.log(JSON.stringify({ epoch, ...metrics, learningRate }));',
    ...(follows ? observeMetrics(spec, 'metrics', '  ') : []),
    ...(earlyStopping === undefined ? [] : stopping(earlyStopping)),
  ];
  const before = [
    ...(scheduler === undefined ? [] : ['let steps = 0;']),
    ...(earlyStopping === undefined ? [] : ['let best: number | null = null;', 'let waited = 0;']),
  ];
  return `${before.map((line) => `${line}\n`).join('')}for (let epoch = 1; epoch <= ${spec.epochs}; epoch++) {\n${body.join('\n')}\n}\n`;
}

/** Returns the call that draws the order of an epoch. */
function orderCode({ data }: JobSpec, dataImports: Imports): string {
  const sampling = samplingOf(data);
  if (sampling === 'balanced') return `${dataImports.use('balancedOrder')}(generator, data.train)`;
  return `${dataImports.use('epochOrder')}(generator, data.train.length, ${sampling === 'shuffle'})`;
}

function stopping({ metric, patience, minDelta }: NonNullable<JobSpec['earlyStopping']>): string[] {
  const gain = goalOf(metric) === 'maximize' ? 'value - best' : 'best - value';
  return [
    `  const value = metrics.${metric};`,
    `  if (typeof value === 'number' && Number.isFinite(value) && (best === null || ${gain} > ${minDelta})) {`,
    '    best = value;',
    '    waited = 0;',
    '  } else {',
    '    waited += 1;',
    '  }',
    `  if (waited >= ${patience}) break;`,
  ];
}
