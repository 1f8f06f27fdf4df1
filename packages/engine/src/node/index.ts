// The engine's adapters for Node: files, the network and threads. Everything else in the engine also runs in a browser.
export { AheadLoader, type AheadOptions } from './aheadLoader.ts';
export { NodeDatasetFiles, type NodeDatasetFilesOptions } from './datasetFiles.ts';
export { nodeThreads } from './kernelThreads.ts';
export { openLoader } from './openLoader.ts';
export { UnpackedFiles } from './unpackedFiles.ts';
export { type ReadUpload, readUpload, type UploadedFile, type UploadReaderOptions } from './uploadFiles.ts';
export { readWeightsFile, type WeightsFile } from './weightsFile.ts';
