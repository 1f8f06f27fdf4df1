// Formats that are zips. They are recognised by the names of the files in them.
import { remedies, type ZipKind } from './define.ts';

export const zips: readonly ZipKind[] = [
  { id: 'xlsx', group: 'table', name: 'an Excel file (.xlsx)', remedy: remedies.spreadsheet, holds: /^xl\/(workbook|worksheets\/)/ },
  {
    id: 'numbers',
    group: 'table',
    name: 'an Apple Numbers, Pages or Keynote file',
    remedy: remedies.spreadsheet,
    holds: /^([^/]+\/)?Index(\/.*\.iwa|\.zip)$/,
  },
  { id: 'office', group: 'document', name: 'a Word or PowerPoint file', remedy: 'save its tables as CSV', holds: /^(word|ppt)\// },
  { id: 'openDocument', group: 'table', name: 'an OpenDocument file (.ods)', remedy: remedies.spreadsheet, holds: /^content\.xml$/ },
  {
    id: 'torchZip',
    group: 'weights',
    name: 'a file of torch.save',
    remedy: 'save arrays with numpy.savez("data.npz", x=…, y=…); weights go to POST /weights',
    holds: /^([^/]+\/)?data\.pkl$/,
  },
  { id: 'torchScript', group: 'weights', name: 'a TorchScript file', remedy: remedies.noWeights, holds: /^([^/]+\/)?constants\.pkl$/ },
  { id: 'kerasZip', group: 'weights', name: 'a Keras model', remedy: remedies.noWeights, holds: /^model\.weights\.h5$/ },
  { id: 'npz', group: 'array', name: 'an NPZ file', remedy: remedies.arrays, holds: /^[^/]+\.npy$/ },
];
