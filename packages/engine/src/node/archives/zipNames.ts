// Decodes the names of the files in a zip. A name may be marked as UTF-8. Other names are in IBM437 according to the specification
// (APPNOTE.TXT, appendix D), but macOS's Finder writes UTF-8, and other programs use the encoding of their system, of which only Shift_JIS
// is recognised.
import { type Entry, getFileNameLowLevel } from 'yauzl';
import type { NameEncoding } from '../../data/archive.ts';

const UTF8_FLAG = 0x800;
/** Info-ZIP's extra field with the name in UTF-8. */
const UNICODE_PATH = 0x7075;

/** Returns the names of the entries, and the encoding with which the names without a mark were read. */
export function namesOf(entries: readonly Entry[]): { readonly names: readonly string[]; readonly encoding: NameEncoding } {
  const silent = entries.filter((entry) => !saysItsEncoding(entry)).map(({ fileNameRaw }) => fileNameRaw);
  const encoding = encodingOf(silent);
  const names = entries.map((entry) => {
    const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry;
    const decoded = saysItsEncoding(entry) ? null : decode(fileNameRaw, encoding);
    return decoded ?? getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
  });
  return { names, encoding };
}

const saysItsEncoding = ({ generalPurposeBitFlag, extraFields }: Entry): boolean =>
  (generalPurposeBitFlag & UTF8_FLAG) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH);

function encodingOf(names: readonly Uint8Array[]): NameEncoding {
  if (names.every((name) => decode(name, 'UTF-8') !== null)) return 'UTF-8';
  const japanese = names.map((name) => decode(name, 'Shift_JIS'));
  return japanese.every((name) => name !== null && isJapanese(name)) ? 'Shift_JIS' : 'IBM437';
}

/** Returns null if the bytes are not valid in this encoding, and for IBM437, which TextDecoder does not support. */
function decode(name: Uint8Array, encoding: NameEncoding): string | null {
  if (encoding === 'IBM437') return null;
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return null;
  }
}

/**
 * Returns whether a name that was decoded as Shift_JIS is really Japanese. Latin letters with accents can be decoded as Shift_JIS too, but
 * they become a mix of kanji, Latin letters and other signs. In a Japanese name, each part of the path that is not ASCII has only kanji,
 * kana, digits and some punctuation.
 */
function isJapanese(name: string): boolean {
  return name
    .split('/')
    .filter((part) => /[^\0-\x7f]/.test(part))
    .every((part) => /^[\p{Script=Han}\p{Script=Hiragana}ァ-ヺー々〆・（）「」\d _().-]+$/u.test(part.replace(/\.[a-z0-9]{1,5}$/i, '')));
}
