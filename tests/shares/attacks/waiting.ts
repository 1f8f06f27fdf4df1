// Attacks by taking what others wait for: places in the queue, readers of uploads, senders of webhooks, and connections.
import { createServer, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { secondJob, tinyJob } from '../jobs.ts';
import { type Attack, headOf, openSocket, pause, repeat, statusOf, type Target } from './attack.ts';

export const queue: Attack = {
  name: 'queue',
  what: '200 jobs of priority 10, each of about a second',
  run: async (target, signal) => {
    let posted = 0;
    await repeat(target, signal, 4, async () => {
      if (posted >= 200) return await pause(1_000, signal).then(() => 'enough');
      posted += 1;
      return await statusOf(target, signal, '/jobs', { json: { ...secondJob, priority: 10 } });
    });
  },
};

/** Listens for webhooks, and answers each connection as it is told. @returns the port */
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
  what: 'receivers that answer 101, that never answer, and that send a byte at a time',
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
      // Enough for all places at once, and a few more all the time.
      if (posted >= 110) await pause(2_000, signal);
      posted += 1;
      const webhook = { url: `http://127.0.0.1:${ports[count % ports.length]}/` };
      return await statusOf(target, signal, '/jobs', { json: { ...tinyJob, webhook } });
    });
  },
};

/** One white pixel. */
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==', 'base64');

/** A zip archive of as many equal pictures in ten folders, stored without compression (APPNOTE.TXT 4.3). */
function zipOfPictures(count: number): Buffer<ArrayBuffer> {
  const sum = crc32(pixel);
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const name = Buffer.from(`class${index % 10}/${index}.png`);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt32LE(sum, 10);
    shared.writeUInt32LE(pixel.length, 14);
    shared.writeUInt32LE(pixel.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), shared, name, pixel]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, rest, name);
    local.push(entry);
    offset += entry.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(
    directory.reduce((bytes, { length }) => bytes + length, 0),
    8,
  );
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, ...directory, Buffer.from('PK\x05\x06'), end]);
}

/** Archives around what a limit on entries may be. */
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

/** Opens a request and sends a byte of its body every second. */
function drip(target: Target, signal: AbortSignal, head: string, beginning: string): void {
  const socket = openSocket(target, signal, head + beginning);
  const timer = setInterval(() => socket.write(' '), 1_000);
  socket.on('close', () => clearInterval(timer));
}

export const dripping: Attack = {
  name: 'dripping',
  what: '300 bodies that come a byte a second, also after a refusal',
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
  what: 'thousands of event streams, of clients that never read',
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
  what: 'thousands of connections that send nothing, or a request that never ends',
  run: async (target, signal) => {
    await repeat(target, signal, 1, async (count) => {
      if (count >= 100) return await pause(1_000, signal).then(() => 'open');
      for (let index = 0; index < 50; index++) openSocket(target, signal, index % 2 === 0 ? '' : 'GET /jobs HTTP/1.1\r\nhost: a\r\nx: ');
      return await pause(100, signal).then(() => 'opened 50');
    });
  },
};
