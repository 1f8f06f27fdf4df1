// The entry '@trainyard/engine/data': datasets and their files, uploads, images, tables, transforms, and loaders of batches.
export { cifarDataset } from './cifarBinary.ts';
export type { Dataset, Splits, Target } from './dataset.ts';
export { type DataSpec, dataSchema, datasetDefinitions, describeData, findDataset, loadData } from './datasets/index.ts';
export { isUploaded, UPLOADED_FILE, type UploadedDatasets, uploadedDatasetId } from './datasets/uploaded.ts';
export type { DatasetDescription, LoadContext } from './define.ts';
export {
  DataFormatError,
  type DataFormatErrorOptions,
  type DataPlace,
  DatasetChecksumError,
  DatasetUnavailableError,
  LoaderError,
} from './errors.ts';
export { type FileGroup, type FileKind, fileKind } from './fileKinds/index.ts';
export type { DatasetFiles, FileDigests, LoadProgress, NamedBytes, ReadOptions, RemoteFile } from './files.ts';
export { idxDataset } from './idx.ts';
export {
  type Colour,
  type DecodedImage,
  type DecodingOptions,
  type ImageFormat,
  imageFormatOf,
  type ImageOpener,
  type ImageSize,
  type OpenedImage,
  type Pixels,
} from './images/image.ts';
export { colourOf, decodingFor, type ImagePreparation, imagePreparation } from './images/preparation.ts';
export { encodePng } from './images/png.ts';
export type { ReaderLimits, ReaderOptions } from './limits.ts';
export { type Batch, type BatchLoader, type BatchOptions, InlineLoader } from './loader.ts';
export { type NpyArray, parseNpy } from './npy.ts';
export { npyDataset, type NpyOptions } from './npyDataset.ts';
export { encodeNpy, encodeNpz } from './npyWriter.ts';
export { contentOf, type NpzPlace, npzPieces, npzPlaces, readNpz } from './npz.ts';
export { balancedOrder } from './sampling.ts';
export { type DatasetStatistics, datasetStatistics, statisticsOf } from './statistics.ts';
export { smallestLimit, splitRows } from './split.ts';
export { type Cell, prepareCsv, type PreparedRows, prepareRows, type UnknownCategory } from './table/predictRows.ts';
export type { TablePreparation } from './table/preparation.ts';
export { fitTransforms } from './transforms/fit.ts';
export { type TransformSpec, transformDefinitions, transformSchema } from './transforms/index.ts';
export { type UploadedContent, uploadedContent, type UploadPreparation } from './uploadedContent.ts';
export type { UploadFormatDefinition } from './uploadFormats/define.ts';
export {
  suggestedFormats,
  type UploadFormat,
  type UploadOptions,
  uploadFormat,
  uploadFormatDefinitions,
  uploadFormats,
  uploadOptions,
} from './uploadFormats/index.ts';
export { type UploadFilePart, uploadFileParts } from './uploadFormats/parts.ts';
export { mostFaults, type ChosenSetting, UploadError, type UploadFault } from './uploadReport.ts';
export { epochOrder, sampleOrder } from '../random.ts';
