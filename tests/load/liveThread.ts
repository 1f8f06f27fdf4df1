// A thread that sends `GET /health/live` again and again until it gets a message. It then posts the response times in ms and ends. The main
// thread of the load test is busy with thousands of clients, so its own measurements would be too long.
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** The pause between two requests, in ms. */
const pauseMs = 20;

const url = `${String(workerData)}/health/live`;
const stop = new AbortController();
parentPort?.once('message', () => stop.abort());
const times: number[] = [];
while (!stop.signal.aborted) {
  const since = performance.now();
  await (await fetch(url)).text();
  times.push(performance.now() - since);
  await delay(pauseMs);
}
parentPort?.postMessage(times, []);
