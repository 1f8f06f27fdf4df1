// Encodes messages in protobuf's wire format (protobuf.dev/programming-guides/encoding). A library would copy every byte of a model. This
// encoder keeps weights as references until the caller streams them.

/** A reference to the bytes of a tensor, which are stored elsewhere. */
export interface Reference {
  readonly tensor: string;
  readonly length: number;
}

/** A message or a piece of it. Its bytes are the bytes of its parts in their order. */
export interface Rope {
  readonly length: number;
  readonly parts: readonly (Uint8Array | Reference)[];
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Concatenates messages or pieces of them. */
export function join(...ropes: readonly Rope[]): Rope {
  return { length: ropes.reduce((sum, { length }) => sum + length, 0), parts: ropes.flatMap(({ parts }) => parts) };
}

function ropeOf(bytes: Uint8Array): Rope {
  return { length: bytes.length, parts: [bytes] };
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // Negative numbers are encoded in 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

const tag = (field: number, type: number): Rope => ropeOf(varint((field << 3) | type));

/** Encodes a whole number: int32, int64 or an enum. */
export function integer(field: number, value: number): Rope {
  return join(tag(field, VARINT), ropeOf(varint(value)));
}

export function float(field: number, value: number): Rope {
  return join(tag(field, FIXED32), ropeOf(new Uint8Array(Float32Array.of(value).buffer)));
}

export function text(field: number, value: string): Rope {
  return message(field, ropeOf(new TextEncoder().encode(value)));
}

export function bytes(field: number, value: Uint8Array | Reference): Rope {
  return message(field, { length: value.length, parts: [value] });
}

/** Encodes a message inside another message. */
export function message(field: number, ...content: readonly Rope[]): Rope {
  const whole = join(...content);
  return join(tag(field, LENGTH_DELIMITED), ropeOf(varint(whole.length)), whole);
}
