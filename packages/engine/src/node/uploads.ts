// The parts of the engine that read uploads. A process that only reads uploads imports this module, and so does not load layers, losses and
// kernels.
export { DataFormatError } from '../data/errors.ts';
export { contentOf, npzPieces } from '../data/npz.ts';
export { statisticsOf } from '../data/statistics.ts';
export { imageFormatOf } from '../data/images/image.ts';
export { UploadError } from '../data/uploadReport.ts';
export { SafetensorsError } from '../formats/safetensors.ts';
export { WeightsFileError } from '../formats/torchState.ts';
export { readUpload } from './uploadFiles.ts';
export { readWeightsFile } from './weightsFile.ts';
