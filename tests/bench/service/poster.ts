// A process that posts one body over and over, on a number of connections, for some seconds, and answers how many were
// accepted. On plain sockets, so that it takes as little as possible of the machine that it measures.
import { connect } from 'node:net';

const [url = '', body = '', seconds = '', connections = ''] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const request = Buffer.from(
  `POST /jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
);
const end = performance.now() + Number(seconds) * 1_000;
let accepted = 0;

/** Posts on one connection until time is up. @throws when an answer is not 202 */
async function post(): Promise<void> {
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  socket.write(request);
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(text)?.[1];
    if (head === -1 || text.length < head + 4 + Number(length)) continue;
    if (!text.startsWith('HTTP/1.1 202')) throw new Error(text);
    accepted += 1;
    text = '';
    if (performance.now() > end) break;
    socket.write(request);
  }
}

const start = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, post));
process.send?.({ perSecond: (accepted / (performance.now() - start)) * 1_000 }, () => process.disconnect());
