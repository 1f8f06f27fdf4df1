// Exports a job as a PyTorch script with the same model, seed, data, training loop and losses. It takes lines of code from the definitions
// and puts them in the order in which the engine draws random numbers: seed, layers, data, then the order of each epoch.
import type { Argument, Construction } from '../construction.ts';
import { describeData, findDataset } from '../data/datasets/index.ts';
import type { Target } from '../data/dataset.ts';
import type { PyTorchData } from '../data/define.ts';
import { samplingOf } from '../data/sampling.ts';
import { isBalanced } from '../losses/classWeights.ts';
import { findLoss } from '../losses/index.ts';
import { findLayer, inferShapes } from '../nn/layers/index.ts';
import { findOptimizer } from '../optim/index.ts';
import { findScheduler } from '../schedulers/index.ts';
import { initialWeightsFile } from '../training/initialWeights.ts';
import { classMetricsInPython } from '../training/classMetrics.ts';
import type { JobSpec } from '../training/jobSpec.ts';
import { goalOf } from '../training/metricDefinitions.ts';
import { EVALUATION_BATCH } from '../training/trainer.ts';
import { valueMetricsInPython } from '../training/valueMetrics.ts';
import { pythonCall, pythonFloat } from './pytorchScriptCode.ts';
import { freezing, globImport, globs, optimizerCode, trainingMode } from './pytorchScriptWeights.ts';
import { transformCode, type TransformCode } from './pytorchScriptAugmentation.ts';

/** The data that all parts of a script use. */
interface Outline {
  readonly spec: JobSpec;
  readonly data: PyTorchData;
  readonly transform: TransformCode | null;
  readonly hasTest: boolean;
  readonly target: Target;
}

/**
 * Returns the text of `train.py`. The script needs PyTorch, and numpy if samples are transformed at random. It prints one line of JSON per
 * epoch: epoch, trainLoss, the metrics of the test data, learningRate.
 * @param spec a checked spec, with its defaults filled in
 */
export function pytorchScript(spec: JobSpec): string {
  const dataset = findDataset(spec.data.dataset);
  const { testSamples, target } = dataset.describe(spec.data);
  const outline: Outline = {
    spec,
    data: dataset.pytorch(spec.data),
    transform: transformCode(spec),
    hasTest: testSamples > 0,
    target,
  };
  const blocks = [head(outline), setUp(outline), learner(outline), loop(outline)];
  return blocks.join('\n');
}

function head({ spec, data, transform }: Outline): string {
  const options = data.readsFiles ? ' [--data FOLDER]' : '';
  const own = [
    'json',
    ...(data.readsFiles ? ['argparse'] : []),
    ...(spec.onNonFinite === 'fail' || spec.earlyStopping !== undefined ? ['math'] : []),
  ];
  const imports = [...new Set([...own, ...data.imports, ...(transform?.imports ?? [])])];
  const numpy = imports.filter((name) => name.startsWith('numpy'));
  const lines = [
    `# ${spec.name ?? 'A job'}: the same model, seed, data and training loop in PyTorch. The losses are the same as the job's.`,
    `# Usage: python3 train.py${options}    It prints one line of JSON per epoch.`,
    ...imports
      .filter((name) => !numpy.includes(name))
      .toSorted()
      .map((name) => `import ${name}`),
    'from collections import OrderedDict',
    ...globImport(spec),
    ...(data.readsFiles ? ['from pathlib import Path'] : []),
    '',
    ...numpy.map((name) => `import ${name}`),
    'import torch',
    ...(spec.initialWeights === undefined ? [] : ['from safetensors.torch import load_file']),
    'from torch import nn, optim',
    ...(spec.scheduler === undefined ? [] : ['from torch.optim import lr_scheduler']),
    `from torch.utils.data import DataLoader, TensorDataset${samplingOf(spec.data) === 'balanced' ? ', WeightedRandomSampler' : ''}`,
    '',
  ];
  return lines.join('\n');
}

/**
 * Returns the code for arguments, functions, the model and the data. The order matters, because the model and the data draw random numbers.
 */
function setUp({ spec, data, transform }: Outline): string {
  const folder = data.readsFiles
    ? `parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, default=Path("data"), help="the folder that contains one folder per dataset")
args = parser.parse_args()

`
    : '';
  const functions = [data.functions, transform?.functions ?? '', globs(spec)].filter((text) => text !== '').join('\n');
  return `${folder}${functions}${functions === '' ? '' : '\n\n'}torch.manual_seed(${spec.seed})

${model(spec)}${initialWeights(spec)}${freezing(spec)}
${data.load}${transform?.fit ?? ''}`;
}

/** Returns the code that loads the initial weights. The user must save their file next to the script. */
function initialWeights(spec: JobSpec): string {
  if (spec.initialWeights === undefined) return '';
  const options = spec.initialWeights.allowMissing === true ? ', strict=False' : '';
  return `model.load_state_dict(load_file("${initialWeightsFile}")${options})\n`;
}

function model(spec: JobSpec): string {
  const { inputShape } = describeData(spec.data);
  const inferred = inferShapes(spec.model.layers, inputShape);
  if (!inferred.ok) throw inferred.error;
  const inputs = [inputShape, ...inferred.layers.map(({ outputShape }) => outputShape)];
  const constructions = spec.model.layers.map((layer, index) => findLayer(layer.type).pytorch(layer, inputs[index]));
  const optimizer = findOptimizer(spec.optimizer.type).pytorch(spec.optimizer);
  const definitions = new Set([...constructions, optimizer].flatMap(definitionsIn).map((code) => `${code}\n\n`));
  const lines = constructions.map(
    (construction, index) => `            (${JSON.stringify(inferred.layers[index].name)}, ${pythonCall(construction)}),\n`,
  );
  return `${[...definitions].join('')}model = nn.Sequential(
    OrderedDict(
        [
${lines.join('')}        ]
    )
)
`;
}

/** Returns the definitions that a construction and the constructions in it need before them. */
function definitionsIn({ definitions, positional }: Construction): string[] {
  const inner = (argument: Argument): string[] => {
    if (typeof argument !== 'object' || argument === null) return [];
    if (Array.isArray(argument)) return argument.flatMap(inner);
    return 'name' in argument ? definitionsIn(argument) : [];
  };
  return [...positional.flatMap(inner), ...(definitions === undefined ? [] : [definitions])];
}

function learner({ spec, transform, hasTest, target }: Outline): string {
  const { data, loss, scheduler } = spec;
  const sampling = samplingOf(data);
  const order = { shuffle: ['shuffle=True'], balanced: ['sampler=sampler'], sequential: [] }[sampling];
  const options = [`batch_size=${data.batchSize}`, ...order, ...(data.dropLast ? ['drop_last=True'] : [])];
  const tensors = ['inputs', 'targets', ...(transform?.isRandom === true ? ['torch.arange(len(inputs))'] : [])];
  const lines = [
    ...classWeights(spec),
    `criterion = ${pythonCall(findLoss(loss.type).pytorch(loss))}`,
    optimizerCode(spec),
    ...(scheduler === undefined ? [] : [`scheduler = ${pythonCall(findScheduler(scheduler.type).pytorch(scheduler), 'optimizer')}`]),
    ...(sampling === 'balanced' ? balancedSampler : []),
    `loader = DataLoader(TensorDataset(${tensors.join(', ')}), ${options.join(', ')})`,
    '',
  ];
  return `${lines.join('\n')}${hasTest ? evaluation(spec, target, transform?.changesSamples === true) : ''}`;
}

/** The lines that make a sampler which draws each class equally often. */
const balancedSampler: readonly string[] = [
  'sample_weights = 1 / torch.bincount(targets).double()[targets]',
  'sampler = WeightedRandomSampler(sample_weights, len(targets))',
];

/** Returns the lines that compute class weights, if they follow from the data. */
function classWeights({ data, loss }: JobSpec): string[] {
  if (!isBalanced(loss)) return [];
  const { target } = findDataset(data.dataset).describe(data);
  const classes = target.kind === 'class' ? target.classes.length : 0;
  return [
    `class_counts = torch.bincount(targets, minlength=${classes}).double()`,
    `class_weights = torch.where(class_counts > 0, len(targets) / (${classes} * class_counts), 0.0).float()`,
  ];
}

/** Returns the code of the evaluation. It uses split() and not a DataLoader, because a DataLoader would draw from the seeded generator. */
function evaluation(spec: JobSpec, target: Target, transforms: boolean): string {
  return `

${target.kind === 'class' ? classMetricsInPython(target.classes.length) : valueMetricsInPython}

def evaluate():
    model.eval()
    total_loss, outputs = 0.0, []
    with torch.no_grad():
        for x, y in zip(test_inputs.split(${EVALUATION_BATCH}), test_targets.split(${EVALUATION_BATCH})):
            output = model(${transforms ? 'transform(x)' : 'x'})
            total_loss += criterion(output, y).item() * len(x)
            outputs.append(output)
    ${trainingMode(spec)}
    return {"testLoss": total_loss / len(test_inputs), **metrics_of(torch.cat(outputs), test_targets)}

`;
}

function loop({ spec, transform, hasTest }: Outline): string {
  const { scheduler, gradientClipping, earlyStopping } = spec;
  const isRandom = transform?.isRandom === true;
  const isRepeated = isRandom && samplingOf(spec.data) === 'balanced';
  const drawn = isRepeated ? 'transform(x, epoch, samples, earlier_visits(samples, visits))' : 'transform(x, epoch, samples)';
  const input = transform?.changesSamples !== true ? 'x' : isRandom ? drawn : 'transform(x)';
  const batch = `x, y${isRandom ? ', samples' : ''}`;
  const followed = scheduler === undefined ? null : findScheduler(scheduler.type).metric(scheduler);
  const perStep = scheduler?.interval === 'step';
  const body = [
    'learning_rate = optimizer.param_groups[0]["lr"]',
    'total_loss, seen = 0.0, 0',
    ...(isRepeated ? ['visits = np.zeros(len(inputs), dtype=np.int64)'] : []),
    transform?.mixes === true ? `for step, (${batch}) in enumerate(loader, 1):` : `for ${batch} in loader:`,
    '    optimizer.zero_grad()',
    ...(transform?.mixes === true
      ? [`    mixed, targets = mix(${input}, y, epoch, step)`, '    loss = criterion(model(mixed), targets)']
      : [`    loss = criterion(model(${input}), y)`]),
    '    loss.backward()',
    ...(spec.onNonFinite === 'fail'
      ? ['    if not math.isfinite(loss.item()):', '        raise SystemExit(f"the loss is no longer finite in epoch {epoch}")']
      : []),
    ...(gradientClipping === undefined
      ? []
      : [`    nn.utils.clip_grad_norm_(model.parameters(), max_norm=${pythonFloat(gradientClipping.maxNorm)})`]),
    '    optimizer.step()',
    ...(scheduler !== undefined && perStep ? ['    scheduler.step()'] : []),
    '    total_loss += loss.item() * len(x)',
    '    seen += len(x)',
    `metrics = {"trainLoss": total_loss / seen, ${hasTest ? '**evaluate()' : '"testLoss": None, "testAccuracy": None'}}`,
    'print(json.dumps({"epoch": epoch, **metrics, "learningRate": learning_rate}), flush=True)',
    ...(scheduler === undefined || perStep ? [] : [`scheduler.step(${followed === null ? '' : `metrics["${followed}"]`})`]),
    ...(earlyStopping === undefined ? [] : stopping(earlyStopping)),
  ];
  const before = earlyStopping === undefined ? '' : 'best, waited = None, 0\n';
  return `${before}for epoch in range(1, ${spec.epochs + 1}):\n${body.map((line) => `    ${line}\n`).join('')}`;
}

function stopping({ metric, patience, minDelta }: NonNullable<JobSpec['earlyStopping']>): string[] {
  const gain = goalOf(metric) === 'maximize' ? 'value - best' : 'best - value';
  return [
    `value = metrics["${metric}"]`,
    `if math.isfinite(value) and (best is None or ${gain} > ${pythonFloat(minDelta)}):`,
    '    best, waited = value, 0',
    'else:',
    '    waited += 1',
    `if waited >= ${patience}:`,
    '    break',
  ];
}
