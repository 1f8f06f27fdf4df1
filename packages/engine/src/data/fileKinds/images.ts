// Image formats, including formats that the decoder does not read.
import { all, any, brand, compatibleBrand, magic, remedies, riff, type TestedKind } from './define.ts';

export const images: readonly TestedKind[] = [
  {
    id: 'png',
    group: 'image',
    name: 'a PNG image',
    remedy: remedies.images,
    test: magic([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  },
  { id: 'jpeg', group: 'image', name: 'a JPEG image', remedy: remedies.images, test: magic([0xff, 0xd8, 0xff]) },
  { id: 'gif', group: 'image', name: 'a GIF image', remedy: remedies.images, test: any(magic('GIF87a'), magic('GIF89a')) },
  { id: 'webp', group: 'image', name: 'a WebP image', remedy: remedies.images, test: riff('WEBP') },
  {
    id: 'tiff',
    group: 'image',
    name: 'a TIFF image',
    remedy: remedies.images,
    test: any(magic([0x49, 0x49, 0x2a, 0]), magic([0x4d, 0x4d, 0, 0x2a]), magic([0x49, 0x49, 0x2b, 0]), magic([0x4d, 0x4d, 0, 0x2b])),
  },
  {
    id: 'avif',
    group: 'image',
    name: 'an AVIF image',
    remedy: remedies.images,
    test: any(brand('avif', 'avis'), all(brand('mif1', 'msf1'), compatibleBrand('avif'))),
  },
  {
    id: 'heic',
    group: 'image',
    name: 'a HEIC image',
    remedy: `${remedies.otherImage}; an iPhone takes JPEGs with Settings > Camera > Formats > Most Compatible`,
    test: brand('heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'),
  },
  { id: 'bmp', group: 'image', name: 'a BMP image', remedy: remedies.images, test: all(magic('BM'), magic([0, 0, 0, 0], 6)) },
  {
    id: 'jpegXl',
    group: 'image',
    name: 'a JPEG XL image',
    remedy: remedies.otherImage,
    test: any(magic([0xff, 0x0a]), magic([0, 0, 0, 0x0c, 0x4a, 0x58, 0x4c, 0x20])),
  },
  {
    id: 'jpeg2000',
    group: 'image',
    name: 'a JPEG 2000 image',
    remedy: remedies.otherImage,
    test: any(magic([0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20]), magic([0xff, 0x4f, 0xff, 0x51])),
  },
  { id: 'photoshop', group: 'image', name: 'a Photoshop file', remedy: remedies.otherImage, test: magic('8BPS') },
  {
    id: 'icon',
    group: 'image',
    name: 'an ICO image',
    remedy: remedies.otherImage,
    test: all(magic([0, 0, 1, 0]), (head) => head[4] > 0 && head[5] === 0 && head[9] === 0),
  },
  { id: 'dicom', group: 'image', name: 'a DICOM file', remedy: remedies.otherImage, test: magic('DICM', 128) },
];
