// Files with weak signatures. All other kinds are tried before these.
import { all, any, latin1, magic, remedies, type TestedKind } from './define.ts';

export const faint: readonly TestedKind[] = [
  { id: 'tfRecord', group: 'array', name: 'a TFRecord file', remedy: `${remedies.arrays}, reading them with tensorflow`, test: isTfRecord },
  {
    id: 'mp3',
    group: 'media',
    name: 'an MP3 recording',
    remedy: remedies.noDataset,
    test: any(magic('ID3'), magic([0xff, 0xfb]), magic([0xff, 0xf3]), magic([0xff, 0xf2])),
  },
  {
    id: 'program',
    group: 'document',
    name: 'a program',
    remedy: remedies.noDataset,
    test: any(
      magic([0x7f, 0x45, 0x4c, 0x46]),
      magic([0, 0x61, 0x73, 0x6d]),
      all(magic('MZ'), (head) => head.length > 64),
    ),
  },
  {
    id: 'idx',
    group: 'array',
    name: 'an IDX array',
    remedy: 'send IDX files as the parts inputs and targets',
    test: (head) => head[0] === 0 && head[1] === 0 && [8, 9, 0x0b, 0x0c, 0x0d, 0x0e].includes(head[2]) && head[3] >= 1 && head[3] <= 8,
  },
  {
    id: 'onnx',
    group: 'weights',
    name: 'an ONNX model',
    remedy: remedies.noWeights,
    test: (head) =>
      head[0] === 0x08 &&
      head[1] >= 3 &&
      head[1] <= 20 &&
      [0x12, 0x3a, 0x42].includes(head[2]) &&
      /pytorch|onnx|tf2onnx|keras|skl|[a-z]{3}/i.test(latin1(head.subarray(3, 40))),
  },
  {
    id: 'tensorFlow',
    group: 'weights',
    name: 'a TensorFlow SavedModel',
    remedy: remedies.noWeights,
    test: magic([0x08, 0x01, 0x12]),
  },
];

/** Tests whether the bytes begin with the length of a record (eight bytes) and the checksum of this length (masked CRC-32C). */
function isTfRecord(head: Uint8Array): boolean {
  if (head.length < 16) return false;
  const checksum = crc32c(head.subarray(0, 8));
  const masked = (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
  return new DataView(head.buffer, head.byteOffset, head.length).getUint32(8, true) === masked;
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
