// The entry '@trainyard/engine/formats': files of weights, checkpoints, ONNX graphs, and the scripts that a job is exported as.
export { type Checkpoint, CheckpointError, decodeCheckpoint, type Position } from '../training/checkpoint.ts';
export {
  fitWeights,
  type GivenShape,
  metadataOfRenamed,
  type NamedShape,
  type WeightsFit,
  weightMismatches,
} from '../training/fitWeights.ts';
export { weightShapes } from '../training/weightsOutline.ts';
export { elementTypes, elementTypesListed } from './elementTypes.ts';
export { engineScript } from './engineScript.ts';
export { encodeOnnx, onnxParts, type WeightEntry } from './onnx.ts';
export type { Reference, Rope } from './protobuf.ts';
export { pytorchScript } from './pytorchScript.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type ListedTensor,
  listSafetensors,
  type NamedArray,
  renamedSafetensorsStart,
  SAFETENSORS_LENGTH_BYTES,
  SafetensorsError,
  type SafetensorsFile,
  safetensorsHeaderBytes,
} from './safetensors.ts';
export { WeightsFileError } from './torchState.ts';
