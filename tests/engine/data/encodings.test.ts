// How the encoding of a table is recognised, and where bytes that are not valid in it are found. Files are decoded in pieces of 65,536
// bytes, so the tests place characters before, across and behind the end of a piece. They compare with TextDecoder on the whole file.
import { expect, test } from 'vitest';
import { decodedPieces, unicodeEncoding } from '../../../packages/engine/src/data/table/encoding.ts';

const pieceBytes = 65_536;

/** Sequences that are not UTF-8, each with an invalid first byte or the first byte of a character that does not end. */
const malformed: Readonly<Record<string, readonly (readonly number[])[]>> = {
  'a byte that no character begins with': [[0x80], [0xbf], [0xc0], [0xc1], [0xf5], [0xfe], [0xff]],
  'a character without its end': [[0xc3], [0xe2], [0xe2, 0x82], [0xf0], [0xf0, 0x9f], [0xf0, 0x9f, 0x98]],
  'a form that is too long': [
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0x80],
    [0xe0, 0x9f, 0xbf],
    [0xf0, 0x80, 0x80, 0x80],
    [0xf0, 0x8f, 0xbf, 0xbf],
  ],
  'a surrogate': [
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
  ],
  'a character beyond Unicode': [
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
  ],
};

/** Characters of one to four bytes, at the end of the valid part of a file. */
const lastCharacters = ['a', 'é', '€', '😀'];

/** Returns ASCII and then `last`, together `length` bytes. */
function validPart(length: number, last: string): Buffer {
  const end = Buffer.from(last);
  return Buffer.concat([Buffer.alloc(length - end.length, 'x'), end]);
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

const decoded = (bytes: Uint8Array, label: string): string => [...decodedPieces({ name: 'file', bytes }, label)].join('');

/** Lengths of valid parts: short ones, and those that end around the end of a piece. */
const lengths = [4, 7, ...Array.from({ length: 8 }, (_, i) => pieceBytes - 4 + i)];

test.for(Object.entries(malformed))('%s is found at its first byte, wherever it stands', ([, sequences]) => {
  for (const length of lengths) {
    for (const last of lastCharacters) {
      for (const sequence of sequences) {
        for (const rest of ['', 'xé']) {
          const bytes = Buffer.concat([validPart(length, last), Buffer.from(sequence), Buffer.from(rest)]);
          expect([isUtf8(bytes.subarray(0, length)), isUtf8(bytes)]).toEqual([true, false]);
          expect(() => decoded(bytes, 'utf-8')).toThrow(`file: at byte ${length}, the file is not UTF-8: `);
          expect(unicodeEncoding(bytes)?.reason).not.toBe('All bytes are valid in this encoding.');
        }
      }
    }
  }
});

test('valid UTF-8 is recognised and decoded, wherever the ends of the pieces are', () => {
  for (const length of lengths) {
    for (const last of [...lastCharacters, '\ufffd', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}']) {
      const bytes = Buffer.concat([validPart(length, last), Buffer.from('é€😀,'.repeat(4))]);
      expect(unicodeEncoding(bytes)).toEqual({ label: 'utf-8', reason: 'All bytes are valid in this encoding.' });
      expect(decoded(bytes, 'utf-8')).toBe(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    }
  }
});

test.for([
  ['one character beyond ASCII in an earlier piece', [Buffer.from('é'), Buffer.alloc(pieceBytes, 'x'), Buffer.of(0xff, 0xff)]],
  // The pieces divide the first of the two characters, and also the last one, which follows the invalid byte.
  [
    'more characters than invalid bytes, of which the end of a piece divides one',
    [Buffer.alloc(pieceBytes - 1, 'x'), Buffer.from('€é'), Buffer.of(0xff), Buffer.alloc(pieceBytes - 6, 'x'), Buffer.from('😀')],
  ],
] as const)('a damaged file with %s is still UTF-8', ([, parts]) => {
  expect(unicodeEncoding(Buffer.concat(parts))).toEqual({ label: 'utf-8', reason: 'Most of the file is valid in this encoding.' });
});

test('a file with as many invalid bytes as characters beyond ASCII is in an older encoding', () => {
  expect(unicodeEncoding(Buffer.from('Größe;größer', 'latin1'))).toBeNull();
  expect(unicodeEncoding(Buffer.concat([Buffer.alloc(pieceBytes - 1, 'x'), Buffer.from('€'), Buffer.of(0xff)]))).toBeNull();
});

test.for([
  ['utf-16le', [0x61, 0x00, 0x00, 0xd8, 0x61, 0x00], 2],
  ['utf-16be', [0x00, 0x61, 0xdc, 0x00], 2],
  ['shift_jis', [0x61, 0x82, 0xa0, 0x82, 0x20], 3],
  ['gb18030', [0x61, 0x81, 0x30, 0x81, 0x20], 1],
  ['euc-jp', [0x61, 0x8f, 0xb0], 1],
] as const)('in %s the first invalid character is named too', ([label, bytes, position]) => {
  for (const padding of [0, pieceBytes - 4, pieceBytes - 2]) {
    const text = label.startsWith('utf-16') ? Buffer.from('x'.repeat(padding / 2), 'utf16le') : Buffer.alloc(padding, 'x');
    const file = Buffer.concat([label === 'utf-16be' ? text.swap16() : text, Buffer.from(bytes)]);
    expect(() => decoded(file, label)).toThrow(`file: at byte ${padding + position}, the file is not ${label.toUpperCase()}: `);
  }
});
