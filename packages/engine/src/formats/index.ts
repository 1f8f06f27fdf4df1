// The entry '@trainyard/engine/formats': files of weights, checkpoints, ONNX graphs, and the scripts that a job is exported as.
export { type Checkpoint, CheckpointError, decodeCheckpoint, type Position } from '../training/checkpoint.ts';
export { metadataOfFit, type RecordedFit, type Unmatched } from '../training/fitNotes.ts';
export {
  type FitOptions,
  fittedName,
  fitWeights,
  type GivenShape,
  type NamedShape,
  type WeightsFit,
  weightMismatches,
} from '../training/fitWeights.ts';
export { type SelectedNames, selectWeights } from '../training/selectWeights.ts';
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
  SAFETENSORS_LENGTH_BYTES,
  SafetensorsError,
  type SafetensorsFile,
  type SafetensorsPart,
  safetensorsHeaderBytes,
  safetensorsPart,
  safetensorsMetadata,
} from './safetensors.ts';
export { WeightsFileError } from './torchState.ts';
