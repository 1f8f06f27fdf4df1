// The options of initialWeights over HTTP: renames, patterns and missing tensors. The job's copy has the names of the model. Expressions that
// take for ever are stopped. Weights of a preset of torchvision are taken and given with torchvision's names.
import { type Job, jobSchema, type Problem, type Weights, weightsSchema } from '@trainyard/contracts';
import { encodeWeights, Generator } from '@trainyard/engine';
import { decodeSafetensors, encodeSafetensors, type NamedArray } from '@trainyard/engine/formats';
import { buildModel, engineVersion, torchvisionNames } from '@trainyard/engine/spec';
import { describe, expect } from 'vitest';
import { claim, result, spec } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const network = {
  ...spec,
  model: {
    layers: [
      { type: 'linear', name: 'fc1', outFeatures: 3 },
      { type: 'linear', name: 'head', outFeatures: 2 },
    ],
  },
};
const tensor = (name: string, shape: readonly number[], value: number): NamedArray => ({
  name,
  shape,
  data: new Float32Array(shape.reduce((size, length) => size * length, 1)).fill(value),
});
/** Tensors of a network that has the layer fc1 under another name, and a head for five classes. */
const file = [
  tensor('backbone.fc1.weight', [3, 4], 1),
  tensor('backbone.fc1.bias', [3], 2),
  tensor('head.weight', [5, 3], 3),
  tensor('head.bias', [5], 4),
];

async function uploaded(api: TestApi, tensors: readonly NamedArray[]): Promise<Weights> {
  const payload = Buffer.from(encodeSafetensors(tensors).bytes);
  const response = await api.call({ method: 'POST', url: '/weights', payload, headers: { 'content-type': 'application/octet-stream' } });
  expect(response.statusCode, response.body).toBe(201);
  return weightsSchema.parse(response.json());
}

async function begun(api: TestApi, body: object, initialWeights: object): Promise<Job> {
  const response = await api.post('/jobs', { ...body, initialWeights });
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

async function refusals(api: TestApi, initialWeights: object): Promise<(readonly [path: string, message: string])[]> {
  const response = await api.post('/jobs', { ...network, initialWeights });
  expect(response.statusCode, response.body).toBe(422);
  return (response.json<Problem>().errors ?? []).map(({ path, message }) => [path, message]);
}

const initialOf = async (api: TestApi, id: string) =>
  decodeSafetensors((await api.get(`/jobs/${id}/artifacts/initial.safetensors`)).rawPayload);

const rename = [{ from: '^backbone\\.', to: '' }];

describe('initialWeights', () => {
  test('renames tensors, leaves some out, and lets those of the model be missing', async ({ api }) => {
    const { id } = await uploaded(api, file);
    const options = { weights: id, rename, exclude: ['head.*'], allowMissing: true };
    const job = await begun(api, network, options);
    expect(job.spec.initialWeights).toEqual(options);
    const { tensors } = await initialOf(api, job.id);
    expect(tensors.map(({ name, data }) => [name, Array.from(data, Number)])).toEqual([
      ['fc1.bias', [2, 2, 2]],
      ['fc1.weight', new Array(12).fill(1)],
    ]);
    const script = (await api.get(`/jobs/${job.id}/artifacts/train.py`)).body;
    expect(script).toContain('model.load_state_dict(load_file("initial.safetensors"), strict=False)');
    const own = (await api.get(`/jobs/${job.id}/artifacts/train.ts`)).body;
    expect(own).toContain("loadWeights(model, await readFile('initial.safetensors'), { allowMissing: true })");
  });

  test('loads only what include matches, after renames with groups', async ({ api }) => {
    const { id } = await uploaded(api, file);
    const options = { weights: id, rename: [{ from: '^(\\w+)\\.fc(\\d)', to: 'fc$2' }], include: ['fc*'], allowMissing: true };
    const { tensors } = await initialOf(api, (await begun(api, network, options)).id);
    expect(tensors.map(({ name }) => name)).toEqual(['fc1.bias', 'fc1.weight']);
  });

  test('records renames and patterns that match nothing, for the log of the job', async ({ api }) => {
    const { id } = await uploaded(api, file);
    const more = [...rename, { from: '^module', to: '' }];
    const job = await begun(api, network, { weights: id, rename: more, exclude: ['head.*', 'tail'], allowMissing: true });
    const { metadata } = await initialOf(api, job.id);
    expect(JSON.parse(metadata['unmatched'] ?? '')).toEqual([
      ['rename', '^module'],
      ['exclude', 'tail'],
    ]);
  });

  test('that do not fit are refused with the names after the renames, and with what matched nothing', async ({ api }) => {
    const { id } = await uploaded(api, file);
    expect(await refusals(api, { weights: id, rename, exclude: ['tail'] })).toEqual([
      ['/initialWeights/weights', '2 of 4 tensors match'],
      ['/initialWeights/weights', '"head.weight" has shape [5, 3], the model\'s has [2, 3]'],
      ['/initialWeights/weights', '"head.bias" has shape [5], the model\'s has [2]'],
      ['/initialWeights/weights', 'exclude "tail" matches no name'],
    ]);
    const [[, first]] = await refusals(api, { weights: id, include: ['nothing'], allowMissing: true });
    expect(first).toBe('0 of 4 tensors match');
  });

  test('stops an expression that takes for ever, and the service responds meanwhile', async ({ api }) => {
    const { id } = await uploaded(api, [tensor(`${'a'.repeat(60)}!`, [2], 1)]);
    const refused = refusals(api, { weights: id, rename: [...rename, { from: '^(a+)+$', to: '' }] });
    expect((await api.get('/health/live')).statusCode).toBe(200);
    expect(await refused).toEqual([
      ['/initialWeights/rename/1/from', '"^(a+)+$" was stopped, because the renames took longer than 50 ms: use a simpler expression'],
    ]);
  });

  test.for([
    [[{ from: '(', to: '' }], '/initialWeights/rename/0/from', /not a JavaScript regular expression/],
    [[{ from: 'a'.repeat(201), to: '' }], '/initialWeights/rename/0/from', /200/],
    [[{ from: '.', to: '$`$&'.repeat(40) }], '/initialWeights/rename/0/to', /longer than 1000 characters/],
    [[{ from: '(weight|bias)$', to: 'x' }], '/initialWeights/rename', /"backbone.fc1.bias" and "backbone.fc1.weight" would both be named/],
  ] as const)('refuses the renames %j', async ([renames, path, message], { api }) => {
    const { id } = await uploaded(api, file);
    const [[place, text]] = await refusals(api, { weights: id, rename: renames });
    expect(place).toBe(path);
    expect(text).toMatch(message);
  });

  test('with other options are not reused as the same job', async ({ api }) => {
    const { id } = await uploaded(api, file);
    const options = { weights: id, rename, exclude: ['head.*'], allowMissing: true };
    const job = await begun(api, { ...network, seed: 1 }, options);
    const attempt = await claim(api.jobs, job.id);
    await attempt.finish({ status: 'succeeded', result: { ...result, engineVersion } });
    const again = async (initialWeights: object) => (await begun(api, { ...network, seed: 1, reuse: true }, initialWeights)).id;
    expect(await again(options)).toBe(job.id);
    expect(await again({ ...options, exclude: ['head', '*.fc1.bias'] })).not.toBe(job.id);
  });
});

describe('a preset of torchvision', () => {
  const model = { preset: 'mobileNetV2' } as const;
  const body = { ...spec, data: { dataset: 'random', inputShape: [3, 32, 32], targetShape: [2], samples: 4 }, model };
  const names = torchvisionNames(model);
  if (names === null) throw new Error('mobileNetV2 is a preset of torchvision');

  test("begins with weights that have torchvision's names, and gives its weights with these names", async ({ api }) => {
    const dry = (await api.post('/jobs?dryRun=true', body)).json<{ spec: Job['spec'] }>();
    const { bytes } = encodeWeights(buildModel(dry.spec.model.layers, [3, 32, 32], new Generator(3)));
    const { tensors } = decodeSafetensors(bytes);
    const renamed = tensors.map((item) => ({ ...item, name: names.toTorchvision(item.name) }));
    expect(renamed.map(({ name }) => name)).toContain('features.3.conv.1.0.weight');
    const job = await begun(api, body, { weights: (await uploaded(api, renamed)).id });
    expect(job.spec.model).toMatchObject(model);
    const initial = await initialOf(api, job.id);
    expect(new Map(initial.tensors.map(({ name, data }) => [name, data]))).toEqual(new Map(tensors.map(({ name, data }) => [name, data])));
    expect(initial.metadata).toMatchObject({ translatedNames: 'torchvision' });

    const attempt = await claim(api.jobs, job.id);
    await api.artifacts.putBytes(job.id, 'model.safetensors', bytes);
    await attempt.finish({ status: 'succeeded', result });
    const url = `/jobs/${job.id}/artifacts/model.safetensors?names=torchvision`;
    const given = await api.get(url);
    expect(given.statusCode).toBe(200);
    const byName = (list: readonly NamedArray[]) => new Map(list.map(({ name, shape, data }) => [name, { shape, data }]));
    expect(byName(decodeSafetensors(given.rawPayload).tensors)).toEqual(byName(renamed));
    const parts = await Promise.all(
      ['bytes=0-99', `bytes=100-${given.rawPayload.length - 1}`].map(async (range) => await api.get(url, { range })),
    );
    expect(Buffer.concat(parts.map(({ rawPayload }) => rawPayload)).equals(given.rawPayload)).toBe(true);
    expect(given.headers['etag']).not.toBe((await api.get(url.replace('?names=torchvision', ''))).headers['etag']);
  });

  test('is the only model whose weights can be had with these names', async ({ api }) => {
    const job = jobSchema.parse((await api.post('/jobs', spec)).json());
    const response = await api.get(`/jobs/${job.id}/artifacts/model.safetensors?names=torchvision`);
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([
      { path: '/names', message: expect.stringContaining('preset of torchvision') as string },
    ]);
  });
});
