// A thread of the training child that ends the process when the worker is gone, and tells the worker that the process is not frozen.
// The worker holds the other end of a socket and never writes to it, so the kernel closes it when the worker dies, however it dies. A
// thread, because the main one may be deep in a kernel or in an endless loop and must not have to look up; SIGKILL, because then
// nothing that the main thread does or holds can delay the end.
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

/** Between two heartbeats, in ms. */
const BEAT_MS = 1_000;

const socket = new Socket({ fd: Number(workerData), readable: true, writable: true });
const end = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
socket.on('end', end);
socket.on('error', end);
socket.on('close', end);
socket.resume();
setInterval(() => socket.write('.'), BEAT_MS);
