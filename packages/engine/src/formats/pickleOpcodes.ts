// The opcodes of Python's pickle protocols 2 to 5. Each opcode changes the stack or the memo of the reader (pickle.ts).
import { PickleError, PickleGlobal, type PickleValue } from './pickleValues.ts';

/** The operations that opcodes use. */
export interface Machine {
  readonly uint: (width: number) => number;
  readonly int32: () => number;
  readonly float: () => number;
  readonly bytes: (length: number) => Uint8Array;
  readonly text: (length: number) => string;
  readonly line: () => string;
  readonly push: (value: PickleValue) => void;
  /** Pushes a new list, dictionary or result of a call, which counts towards the limit. */
  readonly pushNew: (container: PickleValue) => void;
  readonly pop: () => PickleValue;
  readonly top: () => PickleValue;
  readonly mark: () => void;
  readonly popMark: () => PickleValue[];
  readonly get: (index: number) => PickleValue;
  readonly put: (index: number) => void;
  readonly memoize: () => void;
  readonly damaged: () => PickleError;
  readonly global: (name: string) => PickleGlobal;
  readonly persistent: (id: PickleValue) => PickleValue;
}

/** The action of one opcode. */
export type Opcode = (machine: Machine) => void;

/** The opcode at the end of a pickle. The top of the stack is the pickle's value. */
export const STOP = '.'.charCodeAt(0);

const fill = ({ top, damaged }: Machine, items: readonly PickleValue[]): void => {
  const map = top();
  if (!(map instanceof Map) || items.length % 2 === 1) throw damaged();
  for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
};

const append = ({ top, damaged }: Machine, items: readonly PickleValue[]): void => {
  const list = top();
  if (!Array.isArray(list)) throw damaged();
  for (const item of items) list.push(item);
};

const tuple =
  (length: number): Opcode =>
  ({ pop, pushNew }) =>
    pushNew(Array.from({ length }, pop).toReversed());

/** Returns the integer in these bytes, which are little-endian and in two's complement. */
function longOf(bytes: Uint8Array): PickleValue {
  if (bytes.length > 8) throw new PickleError(`it has a whole number of ${bytes.length} bytes; at most 8 are read`);
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const signed = BigInt.asIntN(8 * Math.max(1, bytes.length), value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

const call: Opcode = ({ pop, pushNew, damaged }) => {
  const args = pop();
  const callee = pop();
  if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) throw damaged();
  if (callee.call === null) throw new PickleError(`it calls ${callee.name}, which is not allowed`);
  pushNew(callee.call(args));
};

/** Sets attributes of an object. Attributes of a dictionary are ignored. Other objects must not have any. */
const build: Opcode = ({ pop, top }) => {
  pop();
  if (!(top() instanceof Map)) throw new PickleError('it sets attributes of something that is not a dictionary');
};

const table: readonly (readonly [string | number, Opcode])[] = [
  ['(', ({ mark }) => mark()],
  ['0', ({ pop }) => void pop()],
  ['1', ({ popMark }) => void popMark()],
  ['2', ({ push, top }) => push(top())],
  ['N', ({ push }) => push(null)],
  [0x88, ({ push }) => push(true)],
  [0x89, ({ push }) => push(false)],
  ['J', ({ push, int32 }) => push(int32())],
  ['K', ({ push, uint }) => push(uint(1))],
  ['M', ({ push, uint }) => push(uint(2))],
  [0x8a, ({ push, bytes, uint }) => push(longOf(bytes(uint(1))))],
  [0x8b, ({ push, bytes, uint }) => push(longOf(bytes(uint(4))))],
  ['G', ({ push, float }) => push(float())],
  ['X', ({ push, text, uint }) => push(text(uint(4)))],
  [0x8c, ({ push, text, uint }) => push(text(uint(1)))],
  [0x8d, ({ push, text, uint }) => push(text(uint(8)))],
  ['T', ({ push, text, uint }) => push(text(uint(4)))],
  ['U', ({ push, text, uint }) => push(text(uint(1)))],
  ['B', ({ push, bytes, uint }) => push(bytes(uint(4)))],
  ['C', ({ push, bytes, uint }) => push(bytes(uint(1)))],
  [0x8e, ({ push, bytes, uint }) => push(bytes(uint(8)))],
  [0x96, ({ push, bytes, uint }) => push(bytes(uint(8)))],
  [']', ({ pushNew }) => pushNew([])],
  [')', ({ pushNew }) => pushNew([])],
  ['}', ({ pushNew }) => pushNew(new Map())],
  [0x8f, ({ pushNew }) => pushNew([])],
  ['l', ({ popMark, pushNew }) => pushNew(popMark())],
  ['t', ({ popMark, pushNew }) => pushNew(popMark())],
  [0x91, ({ popMark, pushNew }) => pushNew(popMark())],
  [0x85, tuple(1)],
  [0x86, tuple(2)],
  [0x87, tuple(3)],
  [
    'd',
    (machine) => {
      const items = machine.popMark();
      machine.pushNew(new Map());
      fill(machine, items);
    },
  ],
  [
    's',
    (machine) => {
      const value = machine.pop();
      const key = machine.pop();
      fill(machine, [key, value]);
    },
  ],
  ['u', (machine) => fill(machine, machine.popMark())],
  ['a', (machine) => append(machine, [machine.pop()])],
  ['e', (machine) => append(machine, machine.popMark())],
  [0x90, (machine) => append(machine, machine.popMark())],
  ['q', ({ put, uint }) => put(uint(1))],
  ['r', ({ put, uint }) => put(uint(4))],
  [0x94, ({ memoize }) => memoize()],
  ['h', ({ push, get, uint }) => push(get(uint(1)))],
  ['j', ({ push, get, uint }) => push(get(uint(4)))],
  ['c', ({ push, global, line }) => push(global(`${line()}.${line()}`))],
  [
    0x93,
    ({ push, pop, global, damaged }) => {
      const name = pop();
      const module = pop();
      if (typeof name !== 'string' || typeof module !== 'string') throw damaged();
      push(global(`${module}.${name}`));
    },
  ],
  ['Q', ({ push, pop, persistent }) => push(persistent(pop()))],
  ['R', call],
  [0x81, call],
  ['b', build],
  // The number of the protocol and the length of a frame are not needed.
  [0x80, ({ bytes }) => void bytes(1)],
  [0x95, ({ bytes }) => void bytes(8)],
];

/** The opcodes by their byte. */
export const opcodes: ReadonlyMap<number, Opcode> = new Map(
  table.map(([code, run]) => [typeof code === 'string' ? code.charCodeAt(0) : code, run]),
);
