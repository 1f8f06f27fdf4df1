// Closing what a process has opened: the order, what happens if opening or closing fails, and a close during the opening.
import { ClosedError, CloseStack } from '@trainyard/jobs';
import { expect, test } from 'vitest';

/** Notes the names of the parts that a stack has closed. */
function partsOf(stack: CloseStack) {
  const closed: string[] = [];
  const close = async (name: string): Promise<void> => {
    await Promise.resolve();
    closed.push(name);
  };
  return { closed, close, open: async (name: string) => await stack.open(() => Promise.resolve(name), close) };
}

test('parts are closed once, in reverse order, however often close is called', async () => {
  const stack = new CloseStack();
  const { closed, close, open } = partsOf(stack);
  expect(await open('storage')).toBe('storage');
  stack.defer(() => close('queue'));
  await open('app');
  await Promise.all([stack.close(), stack.close()]);
  await stack.close();
  expect(closed).toEqual(['app', 'queue', 'storage']);
});

test('if a part cannot be opened, the parts before it can be closed', async () => {
  const stack = new CloseStack();
  const { closed, open } = partsOf(stack);
  await open('storage');
  const neverClosed = stack.open(
    async () => await Promise.reject<string>(new Error('no room')),
    () => closed.push('app'),
  );
  await expect(neverClosed).rejects.toThrow('no room');
  await stack.close();
  expect(closed).toEqual(['storage']);
});

test('a part that cannot be closed does not keep the others open, and its error is thrown at the end', async () => {
  const stack = new CloseStack();
  const { closed, open } = partsOf(stack);
  await open('storage');
  stack.defer(() => Promise.reject(new Error('Redis hangs')));
  await open('app');
  await expect(stack.close()).rejects.toThrow('Redis hangs');
  expect(closed).toEqual(['app', 'storage']);
});

test('a part that is still being opened is closed before the parts before it, and the opening fails', async () => {
  const stack = new CloseStack();
  const { closed, close, open } = partsOf(stack);
  await open('storage');
  const slow = Promise.withResolvers<string>();
  const opening = expect(stack.open(() => slow.promise, close)).rejects.toBeInstanceOf(ClosedError);
  const closing = stack.close();
  expect(closed).toEqual([]);
  slow.resolve('queue');
  await closing;
  await opening;
  expect(closed).toEqual(['queue', 'storage']);
});

test('nothing is opened after close', async () => {
  const stack = new CloseStack();
  await stack.close();
  const opened: string[] = [];
  const opening = stack.open(
    () => Promise.resolve(opened.push('app')),
    () => undefined,
  );
  await expect(opening).rejects.toBeInstanceOf(ClosedError);
  expect(() => stack.defer(() => undefined)).toThrow(ClosedError);
  expect(opened).toEqual([]);
});
