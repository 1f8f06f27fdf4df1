// Measures the JavaScript heap of the API processes after a garbage collection. So even a short run finds a leak that grows with requests,
// jobs or readers. The measurement uses Node's inspector and needs no code in the processes.
import { once } from 'node:events';

/** The allowed growth, in bytes. Compiled code and caches grow in every run. */
const settledBytes = 16 * 2 ** 20;

/** Returns the heap size in bytes. @param debuggerUrl the debugger URL of a process that was started with `--inspect` */
export async function liveHeapBytes(debuggerUrl: string): Promise<number> {
  const socket = new WebSocket(debuggerUrl);
  await once(socket, 'open');
  const ask = async (id: number, method: string): Promise<unknown> => {
    socket.send(JSON.stringify({ id, method }));
    const [{ data }] = (await once(socket, 'message')) as [{ readonly data: string }];
    return (JSON.parse(data) as { readonly result: unknown }).result;
  };
  await ask(1, 'HeapProfiler.collectGarbage');
  const { usedSize } = (await ask(2, 'Runtime.getHeapUsage')) as { readonly usedSize: number };
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return usedSize;
}

/** Describes each process whose memory has grown too much. @param before after the first third of the load @param after at the end */
export function growths(before: readonly number[], after: readonly number[]): string[] {
  return before.flatMap((bytes, at) => {
    const last = after[at] ?? 0;
    return last <= bytes + settledBytes
      ? []
      : [`an API process held ${megabytes(bytes)} MB after the first third of the load and ${megabytes(last)} MB at the end`];
  });
}

export const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
