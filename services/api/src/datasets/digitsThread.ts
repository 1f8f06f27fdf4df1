// Draws all digits and writes them as an NPZ file, in a thread of its own, because that takes half a second. It sends the file and ends.
import { parentPort } from 'node:worker_threads';
import { encodeNpz } from '@trainyard/engine';
import { loadBuiltIn } from './firstSamples.ts';

const file = encodeNpz(await loadBuiltIn('digits', { find: () => Promise.resolve(null) }));
parentPort?.postMessage(file, [file.buffer as ArrayBuffer]);
