// Attacks that occupy what other keys wait for: places in the queue, readers of uploads, senders of webhooks, and connections.
import { createServer, type Socket } from 'node:net';
import { rawZip } from '../../api/fixtures/rawZip.ts';
import { secondJob, tinyJob } from '../jobs.ts';
import { type Attack, headOf, openSocket, pause, repeat, statusOf, type Target } from './attack.ts';

export const queue: Attack = {
  name: 'queue',
  what: '200 jobs of priority 10 that train for about a second each',
  run: async (target, signal) => {
    let posted = 0;
    await repeat(target, signal, 4, async () => {
      if (posted >= 200) return await pause(1_000, signal).then(() => 'enough');
      posted += 1;
      return await statusOf(target, signal, '/jobs', { json: { ...secondJob, priority: 10 } });
    });
  },
};

/** Listens for webhooks until the signal aborts, and passes each connection to `answer`. @returns the port */
async function receive(signal: AbortSignal, answer: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    socket.resume();
    answer(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  signal.addEventListener('abort', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

export const webhooks: Attack = {
  name: 'webhooks',
  what: 'webhooks to receivers that answer 101, that never answer, or that answer one byte at a time',
  run: async (target, signal) => {
    const upgrading = await receive(signal, (socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const silent = await receive(signal, () => undefined);
    const slow = await receive(signal, (socket) => {
      const timer = setInterval(() => socket.write('H'), 500);
      socket.on('close', () => clearInterval(timer));
    });
    const ports = [upgrading, silent, upgrading, silent, slow];
    let posted = 0;
    await repeat(target, signal, 8, async (count) => {
      // The first 110 jobs are posted at once. Then eight parallel loops post a job every two seconds: four jobs a second.
      if (posted >= 110) await pause(2_000, signal);
      posted += 1;
      const webhook = { url: `http://127.0.0.1:${ports[count % ports.length]}/` };
      return await statusOf(target, signal, '/jobs', { json: { ...tinyJob, webhook } });
    });
  },
};

/** A PNG file with one pixel. */
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==', 'base64');

/** Builds a zip with the given number of equal pictures in ten folders. */
const zipOfPictures = (count: number): Buffer<ArrayBuffer> =>
  rawZip(Array.from({ length: count }, (_, index) => ({ name: Buffer.from(`class${index % 10}/${index}.png`), content: pixel })));

/** Numbers of files in the archives. */
const archives = [60_000, 20_000, 5_000];

export const uploads: Attack = {
  name: 'uploads',
  what: 'archives of up to 60,000 tiny pictures',
  run: async (target, signal) => {
    const made = archives.map(zipOfPictures);
    await repeat(target, signal, 8, async (count) => {
      const form = new FormData();
      form.set('name', 'attack');
      form.set('file', new Blob([made[count % made.length] ?? zipOfPictures(1)]), 'pictures.zip');
      const headers: Record<string, string> = count % 4 === 0 ? { prefer: 'respond-async' } : {};
      return await statusOf(target, signal, '/datasets', { body: form, headers });
    });
  },
};

/** Sends the head and the beginning of a request, then one byte of its body per second. */
function drip(target: Target, signal: AbortSignal, head: string, beginning: string): void {
  const socket = openSocket(target, signal, head + beginning);
  const timer = setInterval(() => socket.write(' '), 1_000);
  socket.on('close', () => clearInterval(timer));
}

export const dripping: Attack = {
  name: 'dripping',
  what: '300 bodies every ten seconds that arrive one byte per second, also after a refusal',
  run: async (target, signal) => {
    const form = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': '10000000' };
    const formBeginning = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\r\n';
    const json = { 'content-type': 'application/json', 'content-length': '900000' };
    const refused = { 'content-type': 'application/json', 'content-length': '2000000' };
    const kinds: readonly (readonly [string, string])[] = [
      [headOf(target, 'POST', '/datasets', form), formBeginning],
      [headOf(target, 'POST', '/jobs', json), '{'],
      [headOf(target, 'POST', '/jobs', refused), '{'],
      [headOf(target, 'POST', `/jobs/${target.prepared.deepJobId}/predict`, json), '{"inputs":['],
    ];
    await repeat(target, signal, 1, async (count) => {
      const more = count % 10 === 0 ? 300 : 0;
      for (let index = 0; index < more; index++) {
        const [head, beginning] = kinds[index % kinds.length] ?? ['', ''];
        drip(target, signal, head, beginning);
      }
      return await pause(1_000, signal).then(() => 'dripping');
    });
  },
};

export const streams: Attack = {
  name: 'streams',
  what: 'thousands of event streams of clients that never read',
  run: async (target, signal) => {
    const { pausedJobId, historyJobId } = target.prepared;
    await repeat(target, signal, 1, async (count) => {
      if (count >= 60) return await pause(1_000, signal).then(() => 'open');
      for (let index = 0; index < 50; index++) {
        const id = index % 2 === 0 ? pausedJobId : historyJobId;
        openSocket(target, signal, headOf(target, 'GET', `/jobs/${id}/events`, { accept: 'text/event-stream' }));
      }
      return await pause(100, signal).then(() => 'opened 50');
    });
  },
};

export const connections: Attack = {
  name: 'connections',
  what: 'thousands of connections that send nothing or an endless request head',
  run: async (target, signal) => {
    await repeat(target, signal, 1, async (count) => {
      if (count >= 100) return await pause(1_000, signal).then(() => 'open');
      for (let index = 0; index < 50; index++) openSocket(target, signal, index % 2 === 0 ? '' : 'GET /jobs HTTP/1.1\r\nhost: a\r\nx: ');
      return await pause(100, signal).then(() => 'opened 50');
    });
  },
};
