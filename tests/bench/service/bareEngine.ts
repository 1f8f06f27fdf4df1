// A process that trains one spec with nothing but the engine, and answers how long that took, with loading the data.
import { train } from '@trainyard/engine';
import type { JobSpec } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';

const spec = JSON.parse(process.argv[2] ?? '') as JobSpec;
const start = performance.now();
const events = train(spec, { files: new NodeDatasetFiles({ folders: [], home: '' }) });
while ((await events.next()).done !== true);
process.send?.({ seconds: (performance.now() - start) / 1_000 }, () => process.disconnect());
