// A spec that cannot work never reaches the queue: each is a 422 that names the place, the values, the remedy and a
// stable code, and leaves no job behind.
import type { Problem } from '@trainyard/contracts';
import { expect } from 'vitest';
import { apiTest as test } from './fixtures/api.ts';
import { tutorial } from './fixtures/spec.ts';

const linear = { type: 'linear', outFeatures: 10 };
const flatten = { type: 'flatten' };

/** The tutorial with other layers. */
function layers(...list: readonly object[]): object {
  return { ...tutorial, model: { layers: list } };
}

/** The tutorial with other fields. */
function changed(fields: object): object {
  return { ...tutorial, ...fields };
}

function conv(options: object): object {
  return { type: 'conv2d', outChannels: 6, kernelSize: 5, ...options };
}

interface BadSpec {
  readonly what: string;
  readonly body: object | string;
  readonly path: string;
  readonly code: string;
  /** What its message has to say: the values and the remedy. */
  readonly says: readonly (string | RegExp)[];
}

const badSpecs: readonly BadSpec[] = [
  {
    what: 'an unknown layer',
    body: layers({ type: 'conv4d' }, flatten, linear),
    path: '/model/layers/0/type',
    code: 'unknownType',
    says: ['"conv4d"', 'did you mean "conv2d"', 'known: ', 'flatten', 'linear', 'maxPool2d', 'relu'],
  },
  {
    what: 'more threads than a job can have',
    body: changed({ threads: 65 }),
    path: '/threads',
    code: 'tooBig',
    says: ['64', '65'],
  },
  {
    what: 'frozen weights that the model does not have',
    body: changed({ freeze: ['conv1', 'cnov2.*'] }),
    path: '/freeze/1',
    code: 'unknownWeight',
    says: ['"cnov2.*"', 'nearest', '"conv2"'],
  },
  {
    what: 'an unknown preset',
    body: changed({ model: { preset: 'resnet50' } }),
    path: '/model/preset',
    code: 'unknownType',
    says: ['"resnet50"', 'did you mean "resnet20"', 'known: ', 'lenet5', 'vggSmall', 'mobileNetSmall'],
  },
  {
    what: 'a preset for other data',
    body: changed({ data: { dataset: 'random', inputShape: [6], targetShape: [3] }, model: { preset: 'lenet5' } }),
    path: '/model/preset',
    code: 'shapeMismatch',
    says: ['lenet5', '[6]', 'give the model its own layers'],
  },
  {
    what: 'a preset for targets of more values than can be counted',
    body: changed({ data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [2 ** 30, 2 ** 30] }, model: { preset: 'lenet5' } }),
    path: '/model/preset',
    code: 'shapeMismatch',
    says: ['lenet5', `${2 ** 60}`, 'use smaller targets'],
  },
  {
    what: 'a layer that does not fit within a residual',
    body: layers({ type: 'residual', layers: [conv({ kernelSize: 40 })] }, flatten, linear),
    path: '/model/layers/0/layers/0/kernelSize',
    code: 'shapeMismatch',
    says: ['kernel 40×40', '32×32'],
  },
  {
    what: 'a layer that does not fit within a branch',
    body: layers({ type: 'branches', branches: [[], [conv({ kernelSize: 40 })]] }, flatten, linear),
    path: '/model/layers/0/branches/1/0/kernelSize',
    code: 'shapeMismatch',
    says: ['of its branch 1', 'kernel 40×40', '32×32'],
  },
  {
    what: 'branches whose outputs do not fit together',
    body: layers({ type: 'branches', merge: 'add', branches: [[], [conv({ outChannels: 3, kernelSize: 1 })]] }, flatten, linear),
    path: '/model/layers/0/branches/1',
    code: 'shapeMismatch',
    says: ['[1, 32, 32]', '[3, 32, 32]', 'merge with concat'],
  },
  {
    what: 'an unknown layer within a branch',
    body: layers({ type: 'branches', branches: [[], [{ type: 'branches' }]] }, flatten, linear),
    path: '/model/layers/0/branches/1/0/type',
    code: 'unknownType',
    says: ['"branches"', 'conv2d'],
  },
  {
    what: 'a window that does not fit',
    body: layers({ type: 'maxPool2d', name: 'pool', kernelSize: 40 }, flatten, linear),
    path: '/model/layers/0/kernelSize',
    code: 'shapeMismatch',
    says: [/^maxPool2d "pool": a window of height 40 does not fit/],
  },
  {
    what: 'an unknown layer within a residual',
    body: layers({ type: 'residual', layers: [{ type: 'residual', layers: [] }] }, flatten, linear),
    path: '/model/layers/0/layers/0/type',
    code: 'unknownType',
    says: ['"residual"', 'conv2d'],
  },
  {
    what: 'an unknown field of a layer',
    body: layers(conv({ dilatation: 2 }), flatten, linear),
    path: '/model/layers/0/dilatation',
    code: 'unknownField',
    says: ['"dilatation"', 'did you mean "dilation"'],
  },
  {
    what: "PyTorch's name for a field",
    body: changed({ optimizer: { type: 'sgd', lr: 0.1 } }),
    path: '/optimizer/lr',
    code: 'unknownField',
    says: ['"learningRate"'],
  },
  {
    what: 'an unknown field of the job',
    body: changed({ epoch: 3 }),
    path: '/epoch',
    code: 'unknownField',
    says: ['did you mean "epochs"'],
  },
  {
    what: 'a field that is not built yet',
    body: changed({ deadline: 5 }),
    path: '/deadline',
    code: 'unknownField',
    says: ['"deadline"', 'known are', 'epochs'],
  },
  {
    what: 'a priority over the highest',
    body: changed({ priority: 11 }),
    path: '/priority',
    code: 'tooBig',
    says: ['at most 10', '11'],
  },
  {
    what: 'an empty label key',
    body: changed({ labels: { '': 'a' } }),
    path: '/labels/',
    code: 'invalidKey',
    says: ['the key ""', 'at least 1 characters'],
  },
  {
    what: 'a label key that is too long',
    body: changed({ labels: { ['k'.repeat(65)]: 'a' } }),
    path: `/labels/${'k'.repeat(65)}`,
    code: 'invalidKey',
    says: ['the key "kkk', 'at most 64 characters'],
  },
  {
    what: 'an unknown dataset',
    body: changed({ data: { dataset: 'minst' } }),
    path: '/data/dataset',
    code: 'unknownType',
    says: ['"minst"', 'did you mean "mnist"', 'digits', 'random'],
  },
  {
    what: 'an unknown loss',
    body: changed({ loss: { type: 'crossEntropie' } }),
    path: '/loss/type',
    code: 'unknownType',
    says: ['"crossEntropy"'],
  },
  {
    what: 'an unknown optimizer',
    body: changed({ optimizer: { type: 'sdg' } }),
    path: '/optimizer/type',
    code: 'unknownType',
    says: ['"sgd"'],
  },
  {
    what: 'an unknown scheduler',
    body: changed({ scheduler: { type: 'cosin' } }),
    path: '/scheduler/type',
    code: 'unknownType',
    says: ['"cosine"'],
  },
  {
    what: 'a kernel larger than its input',
    body: layers(conv({ kernelSize: 33 }), flatten, linear),
    path: '/model/layers/0/kernelSize',
    code: 'shapeMismatch',
    says: ['33×33', '32×32', 'smaller kernel'],
  },
  {
    what: 'a pooling window larger than what the layers before leave',
    body: layers(conv({ kernelSize: 30 }), { type: 'maxPool2d', kernelSize: 5 }, flatten, linear),
    path: '/model/layers/1/kernelSize',
    code: 'shapeMismatch',
    says: ['5', '3', 'smaller kernel'],
  },
  {
    what: 'a linear layer on a map that is not flattened',
    body: layers(conv({ name: 'conv1' }), linear),
    path: '/model/layers/1',
    code: 'shapeMismatch',
    says: ['[6, 28, 28]', 'flatten', '4704'],
  },
  {
    what: 'a convolution on what is flattened',
    body: layers(flatten, conv({})),
    path: '/model/layers/1',
    code: 'shapeMismatch',
    says: ['[1024]', 'before the flatten'],
  },
  {
    what: 'an output that does not fit the target',
    body: layers(flatten, { type: 'linear', outFeatures: 9 }),
    path: '/model/layers/1',
    code: 'shapeMismatch',
    says: ['[10]', '[9]', 'outFeatures 10'],
  },
  {
    what: 'an output that does not fit the classes',
    body: { ...layers(flatten, { type: 'linear', outFeatures: 12 }), data: { dataset: 'digits' }, loss: { type: 'crossEntropy' } },
    path: '/model/layers/1',
    code: 'shapeMismatch',
    says: ['10 classes', '[12]', 'outFeatures 10'],
  },
  {
    what: 'a loss that the targets are not for',
    body: changed({ loss: { type: 'crossEntropy' } }),
    path: '/loss/type',
    code: 'shapeMismatch',
    says: ['class labels', 'mse'],
  },
  {
    what: 'a negative number of channels',
    body: layers(conv({ outChannels: -6 }), flatten, linear),
    path: '/model/layers/0/outChannels',
    code: 'tooSmall',
    says: ['at least 1', '-6'],
  },
  {
    what: 'a negative kernel',
    body: layers(conv({ kernelSize: -5 }), flatten, linear),
    path: '/model/layers/0/kernelSize',
    code: 'tooSmall',
    says: ['at least 1', '-5'],
  },
  {
    what: 'a negative padding',
    body: layers(conv({ padding: -1 }), flatten, linear),
    path: '/model/layers/0/padding',
    code: 'tooSmall',
    says: ['at least 0', '-1'],
  },
  {
    what: 'half a feature',
    body: layers(flatten, { type: 'linear', outFeatures: 9.5 }),
    path: '/model/layers/1/outFeatures',
    code: 'invalidType',
    says: ['whole number', '9.5'],
  },
  {
    what: 'a negative input',
    body: changed({ data: { dataset: 'random', inputShape: [1, -32, 32], targetShape: [10] } }),
    path: '/data/inputShape/1',
    code: 'tooSmall',
    says: ['-32'],
  },
  {
    what: '10^9 parameters',
    body: layers(flatten, { type: 'linear', outFeatures: 1_000_000 }, linear),
    path: '/model',
    code: 'limitExceeded',
    says: [/10350000\d\d/, '100000000', 'fewer or smaller layers'],
  },
  {
    what: 'a batch and data that no memory holds',
    body: changed({ data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 1_000_000, batchSize: 1_000_000 } }),
    path: '/data/batchSize',
    code: 'limitExceeded',
    says: ['memory', '3500000000', 'use fewer samples or smaller layers'],
  },
  {
    what: 'a batch that no memory holds',
    body: changed({ data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 400_000, batchSize: 400_000 } }),
    path: '/data/batchSize',
    code: 'limitExceeded',
    says: ['memory', '3500000000', /use a batch of at most \d+, fewer samples or smaller layers/],
  },
  { what: 'too many epochs', body: changed({ epochs: 100_001 }), path: '/epochs', code: 'limitExceeded', says: ['100001', '100000'] },
  { what: 'no epochs', body: changed({ epochs: 0 }), path: '/epochs', code: 'tooSmall', says: ['at least 1', '0'] },
  { what: 'no layers', body: layers(), path: '/model/layers', code: 'tooSmall', says: ['at least 1'] },
  {
    what: 'too many layers',
    body: layers(...Array.from({ length: 1_001 }, () => ({ type: 'relu' }))),
    path: '/model/layers',
    code: 'limitExceeded',
    says: ['1001', '1000'],
  },
  {
    what: 'a learning rate of 1e999',
    body: JSON.stringify(changed({ optimizer: { type: 'sgd', learningRate: 0.25 } })).replace('0.25', '1e999'),
    path: '/optimizer/learningRate',
    code: 'invalidType',
    says: ['finite', 'Infinity'],
  },
  {
    what: 'a learning rate that is a text',
    body: changed({ optimizer: { type: 'sgd', learningRate: '0.1' } }),
    path: '/optimizer/learningRate',
    code: 'invalidType',
    says: ['number', '"0.1"'],
  },
  { what: 'a seed over 2^32 - 1', body: changed({ seed: 2 ** 32 }), path: '/seed', code: 'tooBig', says: ['4294967295', '4294967296'] },
  { what: 'a name with a NUL', body: changed({ name: 'a\u0000b' }), path: '/name', code: 'invalidFormat', says: ['control characters'] },
  { what: 'a name of 201 characters', body: changed({ name: 'x'.repeat(201) }), path: '/name', code: 'tooBig', says: ['200'] },
  {
    what: 'two layers of one name',
    body: layers({ ...flatten, name: 'a' }, { ...linear, name: 'a' }),
    path: '/model/layers/1/name',
    code: 'duplicateName',
    says: ['"a"', 'layer 0'],
  },
  {
    what: 'a layer that is named as a number',
    body: layers({ ...flatten, name: '0' }, linear),
    path: '/model/layers/0/name',
    code: 'invalidFormat',
    says: ['number'],
  },
  { what: 'nothing of what is required', body: {}, path: '/data', code: 'required', says: ['required'] },
];

test.for(badSpecs)('$what is refused at $path', async ({ body, path, code, says }, { api }) => {
  const response = await api.post('/jobs', body);
  expect(response.statusCode).toBe(422);
  const problem = response.json<Problem>();
  expect(problem.code).toBe('invalidSpec');
  const issue = problem.errors?.find((error) => error.path === path && error.code === code);
  expect(issue, JSON.stringify(problem.errors)).toBeDefined();
  for (const part of says) expect(issue?.message).toMatch(part);
  expect((await api.get('/jobs')).json()).toEqual({ data: [], nextCursor: null });
});

test.for([
  ['unknown fields', () => ({ ...tutorial, ...Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field${index}`, 1])) })],
  [
    'unknown fields of a layer',
    () => layers({ ...flatten, ...Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field${index}`, 1])) }),
  ],
  ['layers that are none', () => changed({ model: { layers: Array.from({ length: 300_000 }, () => ({})) } })],
] as const)('a body full of %s gets a short answer', async ([, body], { api }) => {
  const response = await api.post('/jobs', body());
  expect(response.statusCode).toBe(422);
  expect(response.body.length).toBeLessThan(50_000);
});

test('everything that is wrong is said at once', async ({ api }) => {
  const response = await api.post('/jobs', { ...tutorial, epochs: -1, optimizer: { type: 'sgd', momentum: 2, lr: 1 }, loss: {}, extra: 1 });
  const paths = response.json<Problem>().errors?.map((error) => error.path);
  expect(paths).toEqual(expect.arrayContaining(['/epochs', '/optimizer/lr', '/loss/type', '/extra']));
});
