// As much of protobuf's wire format (protobuf.dev/programming-guides/encoding) as it takes to write messages. Written here
// because a library would copy every byte of a model: here weights stay references until somebody streams them.

/** Bytes that lie elsewhere. */
export interface Reference {
  readonly tensor: string;
  readonly length: number;
}

/** A message or a part of one; its bytes are those of its parts, one after the other. */
export interface Rope {
  readonly length: number;
  readonly parts: readonly (Uint8Array | Reference)[];
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Parts one after the other. */
export function join(...ropes: readonly Rope[]): Rope {
  return { length: ropes.reduce((sum, { length }) => sum + length, 0), parts: ropes.flatMap(({ parts }) => parts) };
}

function ropeOf(bytes: Uint8Array): Rope {
  return { length: bytes.length, parts: [bytes] };
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // Negative numbers as their 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

const tag = (field: number, type: number): Rope => ropeOf(varint((field << 3) | type));

/** A whole number: int32, int64, an enum. */
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

/** A message in a message. */
export function message(field: number, ...content: readonly Rope[]): Rope {
  const whole = join(...content);
  return join(tag(field, LENGTH_DELIMITED), ropeOf(varint(whole.length)), whole);
}
