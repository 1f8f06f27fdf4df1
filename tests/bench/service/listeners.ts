// A process that holds many event streams of one job open. It tells when all of them stand, and at the job's end how late
// each epoch's event came to each, in ms: the event's id says when Redis had it.
import { connect } from 'node:net';

const [url = '', jobId = '', count = ''] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const request = `GET /jobs/${jobId}/events HTTP/1.1\r\nhost: ${host}\r\naccept: text/event-stream\r\n\r\n`;
const delays: number[] = [];

/** Resolves when the stream has begun; `ended` when it is over. */
function listen(): { readonly begun: Promise<void>; readonly ended: Promise<void> } {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const socket = connect(Number(port), hostname);
  socket.write(request);
  socket.setEncoding('latin1');
  let isStanding = false;
  socket.on('data', (text: string) => {
    const now = Date.now();
    // Each event is far shorter than what comes at once.
    for (const [, ms] of text.matchAll(/id: (\d+)-\d+\nevent: epoch/g)) if (isStanding) delays.push(now - Number(ms));
    if (!isStanding && text.includes('"running"')) {
      isStanding = true;
      begun.resolve();
    }
    if (text.includes('"status":"succeeded"')) socket.destroy();
  });
  socket.on('error', begun.reject);
  socket.on('close', () => ended.resolve());
  return { begun: begun.promise, ended: ended.promise };
}

const streams = [];
// Not all at once: the kernel keeps only some hundred connections that nobody has accepted yet.
for (let opened = 0; opened < Number(count); opened += 100) {
  const some = Array.from({ length: Math.min(100, Number(count) - opened) }, listen);
  await Promise.all(some.map(({ begun }) => begun));
  streams.push(...some);
}
process.send?.('standing');
await Promise.all(streams.map(({ ended }) => ended));
process.send?.({ delays }, () => process.disconnect());
