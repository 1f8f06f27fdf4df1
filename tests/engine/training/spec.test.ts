// Tests the checks of a job spec. Defaults are filled in, and a refusal names the field, the values and what to do.
import { checkSpec, defaultLimits, SpecError } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';

const lenet = [
  { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'conv2d', outChannels: 16, kernelSize: 5 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 120 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 84 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 10 },
];

const tutorial = {
  seed: 0,
  data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10] },
  model: { layers: lenet },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 20,
};

const classify = { ...tutorial, data: { dataset: 'digits' }, loss: { type: 'crossEntropy' } };

function refusal(body: unknown, limits = defaultLimits): readonly { path: string; message: string; code: string }[] {
  try {
    checkSpec(body, limits);
  } catch (error) {
    if (error instanceof SpecError) return error.issues;
    throw error;
  }
  throw new Error('the spec was accepted');
}

describe('an accepted spec', () => {
  test('has all defaults, and its summary contains the output and the cost of each layer', () => {
    const { spec, summary } = checkSpec(tutorial);
    expect(spec.onNonFinite).toBe('fail');
    expect(checkSpec({ ...classify, earlyStopping: {} }).spec.earlyStopping).toEqual({ metric: 'testLoss', patience: 3, minDelta: 0 });
    expect(spec.data).toMatchObject({ samples: 1, batchSize: 64, shuffle: true, dropLast: false });
    expect(spec.model.layers[0]).toMatchObject({ stride: 1, padding: 0, dilation: 1, groups: 1, bias: true });
    expect(summary.layers.map(({ outputShape }) => outputShape)).toEqual([
      [6, 28, 28],
      [6, 28, 28],
      [6, 14, 14],
      [16, 10, 10],
      [16, 10, 10],
      [16, 5, 5],
      [400],
      [120],
      [120],
      [84],
      [84],
      [10],
    ]);
    expect(summary.layers[0]).toMatchObject({ name: 'conv1', parameters: 156, multiplyAdds: 117_600 });
    expect(summary.totals).toMatchObject({ parameters: 61_706, multiplyAdds: 416_520 });
  });

  test('does not change when it is checked again, so that a stored spec can be sent again', () => {
    const { spec } = checkSpec(tutorial);
    expect(checkSpec(spec).spec).toEqual(spec);
  });

  test('has the options of a scheduler that follow from the run', () => {
    const scheduled = (scheduler: object, rest: object = {}) => checkSpec({ ...tutorial, scheduler, ...rest }).spec.scheduler;
    const classifier = { ...classify, epochs: 3, data: { dataset: 'digits', trainLimit: 100, batchSize: 32 } };
    const oneCycle = { type: 'oneCycle', maxLearningRate: 0.1 };
    expect(scheduled(oneCycle, classifier)).toMatchObject({ interval: 'step', totalSteps: 12, cycleMomentum: true });
    expect(scheduled({ ...oneCycle, interval: 'epoch' }, classifier)).toMatchObject({ totalSteps: 3 });
    expect(scheduled(oneCycle, { optimizer: { type: 'adagrad' } })).toMatchObject({ totalSteps: 20, cycleMomentum: false });
    expect(scheduled({ type: 'reduceOnPlateau' })).toMatchObject({ metric: 'trainLoss', mode: 'min' });
    expect(scheduled({ type: 'reduceOnPlateau' }, classifier)).toMatchObject({ metric: 'testLoss', mode: 'min' });
    expect(scheduled({ type: 'reduceOnPlateau', metric: 'testAccuracy' }, classifier)).toMatchObject({ mode: 'max' });
  });

  test('gets a random seed if it has none', () => {
    const { seed: _, ...unseeded } = tutorial;
    const seeds = Array.from({ length: 4 }, () => checkSpec(unseeded).spec.seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });
});

describe('a refusal names the field, the values and what to do', () => {
  const withLayers = (...layers: object[]) => ({ ...classify, model: { layers } });
  const cases: readonly [string, unknown, string, string, readonly string[]][] = [
    [
      'an unknown layer',
      withLayers({ type: 'conv3d' }),
      '/model/layers/0/type',
      'unknownType',
      ['"conv3d"', 'did you mean "conv2d"', 'maxPool2d', 'flatten'],
    ],
    [
      'an unknown dataset',
      { ...classify, data: { dataset: 'mnits' } },
      '/data/dataset',
      'unknownType',
      ['"mnits"', 'did you mean "mnist"'],
    ],
    [
      'a cycle shorter than the run',
      { ...tutorial, scheduler: { type: 'oneCycle', maxLearningRate: 0.1, totalSteps: 10 } },
      '/scheduler/totalSteps',
      'invalidValue',
      ['10 steps', 'takes 20'],
    ],
    [
      'a momentum to cycle where there is none',
      { ...tutorial, optimizer: { type: 'adadelta' }, scheduler: { type: 'oneCycle', maxLearningRate: 0.1, cycleMomentum: true } },
      '/scheduler/cycleMomentum',
      'invalidValue',
      ['no momentum', 'use false'],
    ],
    [
      'a batch norm that meets a batch of one sample',
      {
        ...classify,
        data: { dataset: 'digits', trainLimit: 65, batchSize: 32 },
        model: { layers: [{ type: 'flatten' }, { type: 'batchNorm1d', name: 'bn' }, { type: 'linear', outFeatures: 10 }] },
      },
      '/data/batchSize',
      'invalidValue',
      ['batchNorm1d "bn" needs 2', '65 samples', 'a batch of 1', 'dropLast'],
    ],
    [
      'a metric that is not measured',
      { ...tutorial, scheduler: { type: 'reduceOnPlateau', metric: 'testLoss' } },
      '/scheduler/metric',
      'invalidValue',
      ['no test part', '"testLoss"', 'use "trainLoss"'],
    ],
    [
      'a loss of probabilities after a linear layer',
      { ...tutorial, loss: { type: 'bce' } },
      '/model/layers/11',
      'shapeMismatch',
      ['bce needs probabilities', 'sigmoid'],
    ],
    ['an unknown field', { ...classify, epoch: 3 }, '/epoch', 'unknownField', ['did you mean "epochs"']],
    [
      "PyTorch's name of a field",
      withLayers({ type: 'conv2d', outChannels: 1, kernelSize: 1, kernel_size: 1 }),
      '/model/layers/0/kernel_size',
      'unknownField',
      ['did you mean "kernelSize"'],
    ],
    [
      "PyTorch's abbreviation",
      { ...classify, optimizer: { type: 'sgd', lr: 1 } },
      '/optimizer/lr',
      'unknownField',
      ['did you mean "learningRate"'],
    ],
    ['a field that is not built yet', { ...classify, webhook: {} }, '/webhook', 'unknownField', ['known are']],
    [
      'a test part split off a single sample',
      { ...tutorial, data: { ...tutorial.data, testSplit: 0.5 } },
      '/data/testSplit',
      'invalidValue',
      ['single sample', 'remove testSplit'],
    ],
    [
      'early stopping on a test part that is not there',
      { ...tutorial, earlyStopping: {} },
      '/earlyStopping/metric',
      'invalidValue',
      ['no test part', '"trainLoss"'],
    ],
    [
      'gradients clipped to nothing',
      { ...tutorial, gradientClipping: { maxNorm: 0 } },
      '/gradientClipping/maxNorm',
      'tooSmall',
      ['more than 0'],
    ],
    [
      'a kernel larger than its input',
      withLayers({ type: 'conv2d', outChannels: 1, kernelSize: 29 }),
      '/model/layers/0/kernelSize',
      'shapeMismatch',
      ['29×29', '28×28', 'smaller kernel or more padding'],
    ],
    [
      'a linear on a map',
      withLayers({ type: 'conv2d', outChannels: 4, kernelSize: 5 }, { type: 'linear', outFeatures: 10 }),
      '/model/layers/1',
      'shapeMismatch',
      ['[4, 24, 24]', 'flatten', '2304'],
    ],
    [
      'an output that does not fit the classes',
      withLayers({ type: 'flatten' }, { type: 'linear', outFeatures: 11 }),
      '/model/layers/1',
      'shapeMismatch',
      ['11', '10'],
    ],
    ['a loss for other targets', { ...classify, loss: { type: 'mse' } }, '/loss/type', 'shapeMismatch', ['crossEntropy']],
    [
      'a negative size',
      withLayers({ type: 'conv2d', outChannels: -6, kernelSize: 5 }),
      '/model/layers/0/outChannels',
      'tooSmall',
      ['at least 1', '-6'],
    ],
    [
      'a learning rate of 1e999, which JSON parses to Infinity',
      { ...classify, optimizer: { type: 'sgd', learningRate: Infinity } },
      '/optimizer/learningRate',
      'invalidType',
      ['finite', 'Infinity'],
    ],
    ['a missing loss', { ...classify, loss: undefined }, '/loss', 'required', ['required']],
    ['a fractional epoch', { ...classify, epochs: 1.5 }, '/epochs', 'invalidType', ['whole number', '1.5']],
    [
      'two layers of one name',
      withLayers({ type: 'relu', name: 'a' }, { type: 'relu', name: 'a' }),
      '/model/layers/1/name',
      'duplicateName',
      ['"a"', 'unique'],
    ],
    ['a name that is an index', withLayers({ type: 'relu', name: '7' }), '/model/layers/0/name', 'invalidFormat', ['not a number']],
    [
      'dropLast that leaves nothing',
      { ...tutorial, data: { ...tutorial.data, dropLast: true } },
      '/data/batchSize',
      'invalidValue',
      ['64', '1'],
    ],
  ];
  test.each(cases)('%s', (_, body, path, code, words) => {
    const issue = refusal(body).find((candidate) => candidate.path === path && candidate.code === code);
    expect(issue, JSON.stringify(refusal(body))).toBeDefined();
    for (const word of words) expect(issue?.message).toContain(word);
  });

  test('a billion parameters exceed the limit', () => {
    const wide = withLayers({ type: 'flatten' }, { type: 'linear', outFeatures: 1_275_510 }, { type: 'linear', outFeatures: 10 });
    const issue = refusal(wide).find(({ path }) => path === '/model');
    expect(issue).toMatchObject({ code: 'limitExceeded' });
    expect(issue?.message).toContain('over the limit of 100000000');
  });

  test('a batch that does not fit into memory exceeds the limit', () => {
    const limits = { ...defaultLimits, memoryBytes: 10_000_000 };
    expect(refusal(classify, limits)).toContainEqual(expect.objectContaining({ path: '/data/batchSize', code: 'limitExceeded' }));
  });

  test('too many layers exceed the limit, including those within a residual, and extremely many are not parsed', () => {
    const limits = { ...defaultLimits, layers: 4 };
    const residual = (count: number) => ({
      type: 'residual',
      layers: Array.from({ length: count }, () => ({ type: 'relu' })),
      shortcut: [{ type: 'tanh' }],
    });
    const withResidual = (count: number) => ({ ...tutorial, model: { layers: [residual(count), { type: 'linear', outFeatures: 10 }] } });
    for (const count of [2, 100]) {
      const [issue] = refusal(withResidual(count), limits);
      expect(issue).toMatchObject({ path: '/model/layers', code: 'limitExceeded' });
      expect(issue?.message).toContain(`${count + 3} layers are over the limit of 4`);
    }
  });

  test('layers within branches count too, and an empty branch counts as a layer', () => {
    const branches = { type: 'branches', branches: [[], [{ type: 'relu' }], [{ type: 'relu' }, { type: 'tanh' }]] };
    const spec = { ...tutorial, model: { layers: [branches, { type: 'linear', outFeatures: 10 }] } };
    expect(refusal(spec, { ...defaultLimits, layers: 4 })[0]?.message).toContain('6 layers are over the limit of 4');
  });

  test('too many epochs and layers are reported together', () => {
    const limits = { ...defaultLimits, epochs: 19, layers: 11 };
    expect(refusal(tutorial, limits).map(({ path }) => path)).toEqual(['/epochs', '/model/layers']);
  });

  test.each([null, [[]], 'a string', 3, true])('%j is not a spec', (body) => {
    expect(refusal(body)).toEqual([expect.objectContaining({ path: '', code: 'invalidType' })]);
  });
});
