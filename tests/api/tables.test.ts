// Tables over HTTP: what the answer of an upload says, which limits of samples are refused, and predictions of rows.
import { datasetSchema, type Dataset, type Job, prediction, type Problem } from '@trainyard/contracts';
import { train } from '@trainyard/engine';
import { encodeNpy } from '@trainyard/engine/data';
import { describe, expect } from 'vitest';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { formParts, upload } from './fixtures/forms.ts';

const houses = 'id,city,rooms,sold,price\n7,Oslo,3,true,10.5\n3,Bergen,2,false,8\n5,Oslo,,true,9.25\n';

async function uploaded(api: TestApi, text: string, fields: Record<string, string> = {}): Promise<Dataset> {
  const response = await upload(api, formParts({ file: Buffer.from(text) }, fields));
  expect(response.statusCode, response.body).toBe(201);
  return datasetSchema.parse(response.json());
}

const specOf = (dataset: string, data: object = {}, outFeatures = 1, loss = 'mse') => ({
  data: { dataset, ...data },
  model: { layers: [{ type: 'linear', outFeatures }] },
  loss: { type: loss },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 1,
});

describe('the answer of an upload', () => {
  test('says what was decided, and so does the dataset later', async ({ api }) => {
    const dataset = await uploaded(api, houses, { missing: 'mean', columns: '["!id"]' });
    expect(dataset).toMatchObject({
      inputShape: [4],
      classes: null,
      columns: ['city', 'rooms', 'sold'],
      categories: { city: ['Bergen', 'Oslo'] },
      targetColumns: ['price'],
      targetKind: 'value',
    });
    expect(dataset.taken.map(({ field, value }) => [field, value])).toEqual([
      ['encoding', 'utf-8'],
      ['delimiter', ','],
      ['decimal', '.'],
      ['header', true],
      ['targetColumn', 'price'],
      ['targetKind', 'value'],
      ['columns', 'city'],
      ['columns', 'sold'],
    ]);
    expect((await api.get(`/datasets/${dataset.id}`)).json()).toEqual(dataset);
    const again = await upload(api, formParts({ file: Buffer.from(houses) }, { missing: 'mean', columns: '["!id"]' }));
    expect([again.statusCode, again.json()]).toEqual([200, dataset]);
  });

  test('is that of another dataset when the same file is prepared in another way', async ({ api }) => {
    const text = 'a,b,y\n1,true,0\n2,false,1\n';
    const named = await uploaded(api, text);
    const renamed = await uploaded(api, text.replace('a,b', 'c,b'));
    expect(renamed.id).not.toBe(named.id);
  });

  test('names every fault with its place', async ({ api }) => {
    const files = { file: Buffer.from('a,b,y\n1,2,x\none,2,x\n1,2\n'), testFile: Buffer.from('a,b,y\n1,two,x\n') };
    const response = await upload(api, formParts(files));
    expect(response.statusCode).toBe(422);
    const problem = response.json<Problem>();
    expect(problem.code).toBe('invalidDataset');
    expect(problem.detail).toBe('file: row 3 has "one" in column "a": expected a number. There are 2 more: see errors.');
    expect(problem.errors?.map(({ path }) => path)).toEqual(['/file/row/3/column/a', '/file/row/4', '/testFile/row/2/column/b']);
  });

  test.for<[string, Record<string, string>, string]>([
    ['a list that is none', { columns: 'a,b' }, '/columns: must be a list of names such as ["a","b"]'],
    ['an unknown encoding', { encoding: 'klingon' }, '/encoding: must be an encoding such as utf-8'],
    ['a delimiter of two characters', { delimiter: '||' }, '/delimiter: must be one character, or tab'],
    ['a header of neither kind', { header: 'yes' }, '/header: must be'],
  ])('refuses %s', async ([, fields, message], { api }) => {
    const response = await upload(api, formParts({ file: Buffer.from(houses) }, fields));
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().detail).toContain(message);
  });

  test('has a detail that ends with one punctuation mark, and names the path of each faulty array', async ({ api }) => {
    const x = encodeNpy([2], Float32Array.of(1, 2));
    const images = encodeNpy([2, 1, 1], Float32Array.of(1, 2));
    const exchanged = (await upload(api, formParts({ inputs: x, targets: images }))).json<Problem>();
    expect(exchanged.detail).toBe('inputs has the shape [2], targets [2, 1, 1]: are they exchanged?');
    const labels = encodeNpy([2], Int32Array.of(0, -1));
    const wrong = (await upload(api, formParts({ inputs: x, targets: labels }))).json<Problem>();
    expect(wrong.errors?.map(({ path }) => path)).toEqual(['/targets/sample/1']);
  });

  test('says how to send a file that came as a text', async ({ api }) => {
    const response = await upload(api, [{ name: 'file', content: houses }]);
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toEqual([
      { path: '/file', message: 'is sent as a text: send it as a file (curl: -F file=@FILE)', code: 'invalidType' },
    ]);
  });
});

describe('a limit of samples', () => {
  const sorted = `a,y\n${['ant', 'bee', 'cat'].map((name) => `5,${name}\n`.repeat(40)).join('')}`;

  test('that removes a class is refused with the smallest that does not', async ({ api }) => {
    const { id } = await uploaded(api, sorted);
    const post = async (data: object) => await api.post('/jobs', specOf(id, data, 3, 'crossEntropy'));
    const refused = await post({ trainLimit: 80 });
    expect(refused.statusCode).toBe(422);
    expect(refused.json<Problem>().errors).toEqual([
      {
        path: '/data/trainLimit',
        message: 'the first 80 training samples do not have every class: use at least 81, or omit the limit',
        code: 'lostClass',
      },
    ]);
    expect((await post({ trainLimit: 81 })).statusCode).toBe(202);
    // After a split the first samples are others.
    const split = (await post({ trainLimit: 10, testSplit: 0.5 })).json<Problem>().errors;
    const smallest = Number(/at least (\d+)/.exec(split?.[0]?.message ?? '')?.[1]);
    expect(smallest).toBeGreaterThan(30);
    expect(smallest).toBeLessThan(51);
    expect((await post({ trainLimit: smallest, testSplit: 0.5 })).statusCode).toBe(202);
    expect((await post({ trainLimit: smallest - 1, testSplit: 0.5 })).statusCode).toBe(422);
  });

  test('is refused for a test part too, in sweeps and for built-in data', async ({ api }) => {
    const { id } = datasetSchema.parse((await upload(api, formParts({ file: Buffer.from(sorted), testFile: Buffer.from(sorted) }))).json());
    const spec = specOf(id, { testLimit: 3, trainLimit: 120 }, 3, 'crossEntropy');
    expect((await api.post('/jobs', spec)).json<Problem>().errors).toMatchObject([{ path: '/data/testLimit', code: 'lostClass' }]);
    const space = { '/data/trainLimit': { type: 'choice', values: [10, 120] } };
    const sweep = await api.post('/sweeps', { spec: specOf(id, {}, 3, 'crossEntropy'), space, strategy: { type: 'grid' } });
    expect([sweep.statusCode, sweep.json<Problem>().errors]).toMatchObject([422, [{ code: 'lostClass' }]]);
    const digits = { ...specOf('digits', { trainLimit: 16 }, 10, 'crossEntropy') };
    const model = { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] };
    expect((await api.post('/jobs', { ...digits, model })).json<Problem>().errors).toMatchObject([
      { path: '/data/trainLimit', message: expect.stringContaining('at least 17') as unknown },
    ]);
    expect((await api.post('/jobs', { ...digits, model, data: { dataset: 'digits', trainLimit: 17 } })).statusCode).toBe(202);
  });

  test('may be any number if the target is a number column', async ({ api }) => {
    const { id } = await uploaded(api, houses, { missing: 'drop', columns: '["rooms"]' });
    expect((await api.post('/jobs', specOf(id, { trainLimit: 1 }))).statusCode).toBe(202);
  });
});

describe('predictions of rows', () => {
  /** A job of the table, with the weights that training it here gives. */
  async function trained(api: TestApi, text: string, fields: Record<string, string>): Promise<string> {
    const { id } = await uploaded(api, text, fields);
    const { id: jobId, spec } = (await api.post('/jobs', specOf(id))).json<Job>();
    const bytes = Uint8Array.from((await api.get(`/datasets/${id}/export`)).rawPayload);
    const files = { find: () => Promise.resolve(bytes), read: () => Promise.reject(new Error('nothing is published')) };
    const events = train(spec, { files });
    let next = await events.next();
    while (next.done !== true) next = await events.next();
    await api.artifacts.putBytes(jobId, 'model.safetensors', next.value.weights);
    return `/jobs/${jobId}/predict`;
  }

  const fields = { missing: 'mean', columns: '["!id"]' };
  const csv = async (api: TestApi, url: string, payload: string) =>
    await api.call({ method: 'POST', url, payload, headers: { 'content-type': 'text/csv; charset=utf-8' } });

  test('are those of the same numbers, as JSON or as CSV in any order', async ({ api }) => {
    const url = await trained(api, houses, fields);
    const inputs = [
      [0, 1, 3, 1],
      [1, 0, 2.5, 0],
    ];
    const { outputs } = prediction.parse((await api.post(url, { inputs })).json());
    const rows = [
      { city: 'Oslo', rooms: 3, sold: true },
      { sold: 'false', city: 'Bergen', rooms: null },
    ];
    const answer = prediction.parse((await api.post(url, { rows })).json());
    expect(answer).toMatchObject({ outputs, unknownCategories: [], classes: null });
    const table = await csv(api, url, 'sold;rooms;city\r\nTRUE;3,0;Oslo\r\nfalse;?;Bergen\r\n');
    expect(table.statusCode, table.body).toBe(200);
    expect(prediction.parse(table.json())).toMatchObject({ outputs, unknownCategories: [] });
  });

  test('use zeros for an unknown text, and the response says so', async ({ api }) => {
    const url = await trained(api, houses, fields);
    const { outputs } = prediction.parse((await api.post(url, { inputs: [[0, 0, 2, 1]] })).json());
    const answer = prediction.parse((await api.post(url, { rows: [{ city: 'Paris', rooms: 2, sold: 1 }] })).json());
    expect(answer).toMatchObject({ outputs, unknownCategories: [{ row: 0, column: 'city', value: 'Paris' }] });
  });

  test('are refused where columns are missing, unknown or no values', async ({ api }) => {
    const url = await trained(api, houses, fields);
    const response = await api.post(url, {
      rows: [
        { city: 'Oslo', room: 3, sold: true },
        { city: 'Oslo', rooms: 'many', sold: true },
      ],
    });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([
      { path: '/rows/0/room', code: 'unknownField' },
      { path: '/rows/0/rooms', code: 'required' },
    ]);
    expect((await api.post(url, { rows: [{ city: 'Oslo', rooms: 'many', sold: true }] })).json<Problem>().errors).toEqual([
      { path: '/rows/0/rooms', message: 'column "rooms" has "many": expected a number', code: 'invalidValue' },
    ]);
    const table = await csv(api, url, 'city,rooms\nOslo,3\n');
    expect([table.statusCode, table.json<Problem>().detail]).toEqual([422, expect.stringContaining('missing are "sold"')]);
    expect((await api.post(url, { rows: [], inputs: [] })).statusCode).toBe(422);
    expect((await api.post(url, {})).statusCode).toBe(422);
    const unfilled = await trained(api, houses, { missing: 'drop', columns: '["rooms"]' });
    expect((await api.post(unfilled, { rows: [{ rooms: null }] })).json<Problem>().errors).toMatchObject([
      { path: '/rows/0/rooms', code: 'missingValue' },
    ]);
  });

  test('are matched by position if the table has no names', async ({ api }) => {
    const url = await trained(api, '1,2,3.5\n4,5,6\n', { header: 'false' });
    const { outputs } = prediction.parse((await api.post(url, { inputs: [[1, 2]] })).json());
    expect(prediction.parse((await csv(api, url, '1,2\n')).json()).outputs).toEqual(outputs);
    expect(prediction.parse((await api.post(url, { rows: [{ column1: 1, column2: 2 }] })).json()).outputs).toEqual(outputs);
  });
});
