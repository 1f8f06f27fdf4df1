// A worker thread that draws all digits, sends them as an NPZ file and ends. Drawing takes half a second and would block the event loop.
import { parentPort } from 'node:worker_threads';
import { encodeNpz } from '@trainyard/engine/data';
import { loadBuiltIn } from './firstSamples.ts';

const file = encodeNpz(await loadBuiltIn('digits', { find: () => Promise.resolve(null) }));
parentPort?.postMessage(file, [file.buffer as ArrayBuffer]);
