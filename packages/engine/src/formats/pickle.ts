// Reads a Python pickle without running its code. It accepts lists, dictionaries, texts, numbers, and the classes and functions that the
// caller allows. Everything else is refused with its name. It does not recurse, and its memory is limited by the size of the pickle.
// (CPython's Lib/pickletools.py describes the opcodes.)
import { show } from '../validation.ts';
import { type Machine, opcodes, STOP } from './pickleOpcodes.ts';
import { PickleError, type PickleHost, type PickleValue } from './pickleValues.ts';

/** The maximum number of lists, tuples, dictionaries and results of calls in one pickle. It is enough for tens of thousands of tensors. */
const MOST_CONTAINERS = 500_000;

const text = new TextDecoder('utf-8', { fatal: true });

/**
 * Returns the value of a pickle.
 * @throws PickleError if the pickle is not complete, or if it contains anything that `host` does not allow
 */
export function readPickle(bytes: Uint8Array, host: PickleHost): PickleValue {
  return new Unpickler(bytes, host).read();
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: PickleHost;
  #at = 0;
  #stack: PickleValue[] = [];
  /** For each MARK that is still open: the stack from before this MARK. */
  readonly #below: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();
  #containers = 0;

  constructor(bytes: Uint8Array, host: PickleHost) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#host = host;
  }

  read(): PickleValue {
    for (;;) {
      const at = this.#at;
      const code = this.#uint(1);
      if (code === STOP) return this.#pop();
      const run = opcodes.get(code);
      if (run === undefined) throw new PickleError(`byte ${at} is not a supported opcode: ${show(String.fromCharCode(code))}`);
      run(this.#machine);
    }
  }

  /** The operations that opcodes use. */
  readonly #machine: Machine = {
    uint: (width) => this.#uint(width),
    int32: () => {
      this.#advance(4);
      return this.#view.getInt32(this.#at - 4, true);
    },
    float: () => {
      this.#advance(8);
      return this.#view.getFloat64(this.#at - 8);
    },
    bytes: (length) => this.#slice(length),
    text: (length) => this.#text(this.#slice(length)),
    line: () => {
      const end = this.#bytes.indexOf(0x0a, this.#at);
      if (end === -1) throw this.#cut();
      const line = this.#text(this.#bytes.subarray(this.#at, end));
      this.#at = end + 1;
      return line;
    },
    push: (value) => void this.#stack.push(value),
    pushNew: (container) => {
      this.#containers += 1;
      if (this.#containers > MOST_CONTAINERS) throw new PickleError(`it has more than ${MOST_CONTAINERS} lists and dictionaries`);
      this.#stack.push(container);
    },
    pop: () => this.#pop(),
    top: () => {
      if (this.#stack.length === 0) throw this.#damaged();
      return this.#stack[this.#stack.length - 1];
    },
    mark: () => {
      this.#below.push(this.#stack);
      this.#stack = [];
    },
    popMark: () => {
      const below = this.#below.pop();
      if (below === undefined) throw this.#damaged();
      const items = this.#stack;
      this.#stack = below;
      return items;
    },
    get: (index) => {
      const value = this.#memo.get(index);
      if (value === undefined) throw this.#damaged();
      return value;
    },
    put: (index) => void this.#memo.set(index, this.#machine.top()),
    memoize: () => this.#machine.put(this.#memo.size),
    damaged: () => this.#damaged(),
    global: (name) => this.#host.global(name),
    persistent: (id) => this.#host.persistent(id),
  };

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#damaged();
    return value;
  }

  #advance(length: number): void {
    if (!(length <= this.#bytes.length - this.#at)) throw this.#cut();
    this.#at += length;
  }

  #slice(length: number): Uint8Array {
    this.#advance(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Reads an unsigned little-endian number of up to eight bytes. */
  #uint(width: number): number {
    this.#advance(width);
    let value = 0;
    for (let i = 1; i <= width; i++) value = value * 256 + this.#bytes[this.#at - i];
    return value;
  }

  #text(bytes: Uint8Array): string {
    try {
      return text.decode(bytes);
    } catch (error) {
      throw new PickleError(`a text before byte ${this.#at} is not UTF-8`, { cause: error });
    }
  }

  #cut(): PickleError {
    return new PickleError(`it ends in the middle of an opcode, at byte ${this.#bytes.length}`);
  }

  #damaged(): PickleError {
    return new PickleError(`it is damaged before byte ${this.#at}`);
  }
}
