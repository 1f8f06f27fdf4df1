// Recognises encodings that are older than Unicode, by statistics of the bytes (chardet) and by the share of letters in the decoded text.
import chardet from 'chardet';
import { type Encoding, encodingLabel } from '../../data/table/encoding.ts';
import { westernEncoding } from '../../data/table/tableText.ts';

/** The size of the part of the file that is examined. It begins shortly before the first byte beyond ASCII. */
const SAMPLE_BYTES = 65_536;

/** Returns the most probable encoding of bytes that are neither UTF-8 nor UTF-16. */
export function olderEncoding(bytes: Uint8Array): Encoding {
  const start = Math.max(0, bytes.findIndex((byte) => byte >= 0x80) - 1_024);
  const sample = bytes.slice(start, start + SAMPLE_BYTES);
  const candidates = chardet.analyse(sample).flatMap(({ name, confidence }) => {
    const label = encodingLabel(name);
    const text = label === null || label.startsWith('utf-') ? null : decoded(sample, label);
    return label === null || text === null ? [] : [{ label, score: confidence + scoreOf(label, sample, text) }];
  });
  const best = candidates.toSorted((a, b) => b.score - a.score)[0];
  if (best === undefined) return westernEncoding;
  return { label: best.label, reason: 'The bytes are not UTF-8; this encoding explains them best.' };
}

/** For each encoding: the range of the first bytes of its most common characters (level 1 of each standard). */
const commonFirstBytes: Readonly<Record<string, readonly [number, number]>> = {
  'euc-kr': [0xb0, 0xc8],
  gb18030: [0xb0, 0xd7],
  gbk: [0xb0, 0xd7],
  'euc-jp': [0xb0, 0xcf],
  big5: [0xa4, 0xc6],
};
/** If several encodings explain the bytes equally well, the encoding that comes first in this list is taken. */
const narrower = Object.keys(commonFirstBytes);

function scoreOf(label: string, bytes: Uint8Array, text: string): number {
  const range = commonFirstBytes[label];
  if (range === undefined) return 50 * shareOfLetters(text);
  return 90 * shareOfCommon(bytes, range, label === 'euc-jp') - narrower.indexOf(label);
}

/**
 * Returns the share of common characters among the characters of two bytes. Kana are counted as common too: Japanese text has many, but
 * their bytes are outside of the range.
 */
function shareOfCommon(bytes: Uint8Array, [from, to]: readonly [number, number], hasKana: boolean): number {
  let [all, common] = [0, 0];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte < 0x80) continue;
    all += 1;
    i += 1;
    if ((byte >= from && byte <= to) || (hasKana && (byte === 0xa4 || byte === 0xa5))) common += 1;
  }
  return all === 0 ? 0 : common / all;
}

function decoded(bytes: Uint8Array, label: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return null;
  }
}

/**
 * Returns the share of letters among the characters beyond ASCII. Half-width katakana are not counted as letters, because they usually mean
 * that the encoding is wrong.
 */
function shareOfLetters(text: string): number {
  const beyond = text.match(/[^\0-\x7f]/gu) ?? [];
  const letters = beyond.filter((character) => /[\p{L}\p{M}]/u.test(character) && !/[\uff61-\uff9f]/.test(character));
  return beyond.length === 0 ? 0 : letters.length / beyond.length;
}
