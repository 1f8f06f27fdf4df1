// What the API processes hold: JavaScript's objects that are left when all garbage is collected, so that what grows with requests, jobs
// or readers and never shrinks is seen in a short run too. Asked through Node's inspector, so the processes need no code for it.
import { once } from 'node:events';

/** Code is compiled and caches fill, in any run. */
const settledBytes = 16 * 2 ** 20;

/** @param debuggerUrl of a process that was started with `--inspect` */
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

/** What grew more than a process that runs for long may, in words. @param before after the first third of the load @param after when all is done */
export function growths(before: readonly number[], after: readonly number[]): string[] {
  return before.flatMap((bytes, at) => {
    const last = after[at] ?? 0;
    return last <= bytes + settledBytes
      ? []
      : [`an API process held ${megabytes(bytes)} MB after the first third of the load and ${megabytes(last)} MB in the end`];
  });
}

export const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
