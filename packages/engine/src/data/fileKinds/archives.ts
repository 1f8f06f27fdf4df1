// Archives and compressed files.
import { all, any, magic, remedies, type TestedKind } from './define.ts';

export const archives: readonly TestedKind[] = [
  {
    id: 'zip',
    group: 'archive',
    name: 'a zip',
    remedy: remedies.images,
    test: any(magic('PK\u0003\u0004'), magic('PK\u0005\u0006'), magic('PK\u0007\u0008')),
  },
  { id: 'gzip', group: 'packed', name: 'a gzip file', remedy: remedies.unpack, test: magic([0x1f, 0x8b]) },
  { id: 'tar', group: 'archive', name: 'a tar archive', remedy: remedies.images, test: magic('ustar', 257) },
  {
    id: 'bzip2',
    group: 'packed',
    name: 'a bzip2 file',
    remedy: remedies.unpack,
    test: all(magic('BZh'), any(magic([0x31, 0x41, 0x59], 4), magic([0x17, 0x72, 0x45], 4))),
  },
  { id: 'xz', group: 'packed', name: 'an xz file', remedy: remedies.unpack, test: magic([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) },
  { id: 'zstd', group: 'packed', name: 'a Zstandard file', remedy: remedies.unpack, test: magic([0x28, 0xb5, 0x2f, 0xfd]) },
  { id: 'lz4', group: 'packed', name: 'an LZ4 file', remedy: remedies.unpack, test: magic([0x04, 0x22, 0x4d, 0x18]) },
  { id: 'compress', group: 'packed', name: 'a file packed by compress (.Z)', remedy: remedies.unpack, test: magic([0x1f, 0x9d]) },
  { id: 'sevenZip', group: 'packed', name: 'a 7z archive', remedy: remedies.unpack, test: magic([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]) },
  { id: 'rar', group: 'packed', name: 'a RAR archive', remedy: remedies.unpack, test: magic('Rar!\u001a\u0007') },
];
