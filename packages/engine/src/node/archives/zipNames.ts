// The names of files in a zip as text. A zip says of each name that it is UTF-8, or nothing: then it is IBM437 by the specification
// (APPNOTE.TXT, appendix D), UTF-8 from macOS's Finder, or what the system that made it uses, of which Shift_JIS is recognised.
import { type Entry, getFileNameLowLevel } from 'yauzl';
import type { NameEncoding } from '../../data/archive.ts';

const UTF8_FLAG = 0x800;
/** Info-ZIP's extra field with the name in UTF-8. */
const UNICODE_PATH = 0x7075;

/** The entries' names, and how those were read that do not say it. */
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

/** Null where the bytes are not of that encoding, and for IBM437, which no decoder of the platform knows. */
function decode(name: Uint8Array, encoding: NameEncoding): string | null {
  if (encoding === 'IBM437') return null;
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return null;
  }
}

/**
 * Names in Latin letters with accents decode as Shift_JIS too: as a kanji between Latin letters, or as other signs. Names are
 * Japanese when each part of a path that is not ASCII has kanji and kana, and no Latin letter beside them.
 */
function isJapanese(name: string): boolean {
  return name
    .split('/')
    .filter((part) => /[^\0-\x7f]/.test(part))
    .every((part) => /^[\p{Script=Han}\p{Script=Hiragana}ァ-ヺー々〆・（）「」\d _().-]+$/u.test(part.replace(/\.[a-z0-9]{1,5}$/i, '')));
}
