// A thread of the training child that ends the process when the worker is gone or the process holds more memory than it may, and tells the
// worker that the process is not frozen.
// The worker holds the other end of a socket and never writes to it, so the kernel closes it when the worker dies, however it dies. A
// thread, because the main one may be deep in a kernel or in an endless loop and must not have to look up; SIGKILL, because then
// nothing that the main thread does or holds can delay the end.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { overMemory } from './memoryLimit.ts';

export interface LifelineData {
  /** The file descriptor of the socket. */
  readonly socket: number;
  readonly residentLimit: number;
}

/** Between two heartbeats, in ms. */
const BEAT_MS = 1_000;

/** Between two looks at the memory, in ms. */
const LOOK_MS = 100;
const STDERR = 2;

const { socket: fd, residentLimit } = workerData as LifelineData;
const socket = new Socket({ fd, readable: true, writable: true });
const end = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
socket.on('end', end);
socket.on('error', end);
socket.on('close', end);
socket.resume();
setInterval(() => socket.write('.'), BEAT_MS);
setInterval(() => {
  const resident = process.memoryUsage.rss();
  if (resident <= residentLimit) return;
  writeSync(STDERR, overMemory.say(resident, residentLimit));
  end();
}, LOOK_MS);
