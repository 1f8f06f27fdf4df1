// Files with tables and arrays.
import { all, any, magic, remedies, type TestedKind } from './define.ts';

export const tables: readonly TestedKind[] = [
  {
    id: 'npy',
    group: 'array',
    name: 'an NPY array',
    remedy: 'send NPY arrays as the parts inputs and targets',
    test: magic('\u0093NUMPY'),
  },
  {
    id: 'hdf5',
    group: 'array',
    name: 'an HDF5 file (.h5)',
    remedy: `${remedies.arrays}, reading them with h5py`,
    test: magic([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
  },
  {
    id: 'matlab',
    group: 'array',
    name: 'a MATLAB file (.mat)',
    remedy: `${remedies.arrays}, reading them with scipy.io.loadmat (v7.3 files: with h5py)`,
    test: any(magic('MATLAB 5.0 MAT-file'), magic('MATLAB 7.3 MAT-file')),
  },
  {
    id: 'netcdf',
    group: 'array',
    name: 'a NetCDF file',
    remedy: remedies.arrays,
    test: all(magic('CDF'), (head) => [1, 2, 5].includes(head[3])),
  },
  { id: 'parquet', group: 'table', name: 'a Parquet file', remedy: remedies.table, test: magic('PAR1') },
  {
    id: 'arrow',
    group: 'table',
    name: 'an Arrow or Feather file',
    remedy: remedies.table,
    test: any(magic('ARROW1'), magic('FEA1'), all(magic([0xff, 0xff, 0xff, 0xff]), magic([0], 7), magic([0x10, 0, 0, 0], 8))),
  },
  { id: 'orc', group: 'table', name: 'an ORC file', remedy: remedies.table, test: magic('ORC') },
  { id: 'avro', group: 'table', name: 'an Avro file', remedy: remedies.table, test: magic('Obj\u0001') },
  {
    id: 'sqlite',
    group: 'table',
    name: 'an SQLite database',
    remedy: 'export the table as CSV: sqlite3 -header -csv data.db "SELECT * FROM …" > data.csv',
    test: magic('SQLite format 3\0'),
  },
  {
    id: 'ole',
    group: 'table',
    name: 'an old Excel or Office file (.xls)',
    remedy: remedies.spreadsheet,
    test: magic([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
  },
  {
    id: 'rData',
    group: 'table',
    name: 'an R data file',
    remedy: 'save it as CSV, in R write.csv(data, "data.csv", row.names = FALSE)',
    test: any(magic('RDX2\n'), magic('RDX3\n'), magic('RDA2\n'), magic('X\n\0\0\0'), magic('A\n2\n'), magic('A\n3\n')),
  },
  { id: 'stata', group: 'table', name: 'a Stata file', remedy: remedies.table, test: magic('<stata_dta>') },
  {
    id: 'sas',
    group: 'table',
    name: 'a SAS file',
    remedy: remedies.table,
    test: magic([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc2, 0xea, 0x81, 0x60]),
  },
  { id: 'spss', group: 'table', name: 'an SPSS file', remedy: remedies.table, test: any(magic('$FL2'), magic('$FL3')) },
];
