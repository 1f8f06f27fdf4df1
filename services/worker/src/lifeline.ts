// A thread of the training child. It ends the process if the worker is gone or if the process exceeds its memory limit, and sends
// heartbeats to the worker.
// The worker holds the other end of a socket and never writes to it. If the worker dies, the kernel closes the socket. A separate
// thread waits for this, because the main thread may be busy in a kernel or in an endless loop. The thread ends the process with SIGKILL,
// which the main thread cannot delay.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { overMemory } from './memoryLimit.ts';

export interface LifelineData {
  /** The file descriptor of the socket. */
  readonly socket: number;
  readonly residentLimit: number;
}

/** The time between two heartbeats, in ms. */
const BEAT_MS = 1_000;

/** The time between two checks of the memory, in ms. */
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
  writeSync(STDERR, overMemory.format(resident, residentLimit));
  end();
}, LOOK_MS);
