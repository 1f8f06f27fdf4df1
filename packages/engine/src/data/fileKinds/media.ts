// Sound and video.
import { any, magic, remedies, riff, type TestedKind } from './define.ts';

export const media: readonly TestedKind[] = [
  { id: 'wav', group: 'media', name: 'a WAV recording', remedy: remedies.noDataset, test: riff('WAVE') },
  { id: 'avi', group: 'media', name: 'an AVI video', remedy: remedies.noDataset, test: riff('AVI ') },
  { id: 'flac', group: 'media', name: 'a FLAC recording', remedy: remedies.noDataset, test: magic('fLaC') },
  { id: 'ogg', group: 'media', name: 'an Ogg recording', remedy: remedies.noDataset, test: magic('OggS') },
  { id: 'midi', group: 'media', name: 'a MIDI file', remedy: remedies.noDataset, test: magic('MThd') },
  {
    id: 'mp4',
    group: 'media',
    name: 'an MP4 or QuickTime file',
    remedy: remedies.noDataset,
    test: any(magic('ftyp', 4), magic('moov', 4)),
  },
  { id: 'matroska', group: 'media', name: 'a WebM or Matroska video', remedy: remedies.noDataset, test: magic([0x1a, 0x45, 0xdf, 0xa3]) },
];
