// Tests the names that each entry of the engine's package exports, so that no name appears or disappears unnoticed. Types are not tested,
// because they do not exist at run time. layers.test.ts tests the classes of layers, activations.test.ts the activations.
import * as engine from '@trainyard/engine';
import * as data from '@trainyard/engine/data';
import * as errors from '@trainyard/engine/errors';
import * as formats from '@trainyard/engine/formats';
import * as node from '@trainyard/engine/node';
import * as relaxed from '@trainyard/engine/relaxed';
import * as spec from '@trainyard/engine/spec';
import * as uploads from '@trainyard/engine/uploads';
import { expect, test } from 'vitest';
import * as plainLayers from '../../packages/engine/src/nn/layers/plain.ts';
import { activationFunctions } from '../support/activationFunctions.ts';
import manifest from '../../packages/engine/package.json' with { type: 'json' };

/** What each entry exports, and the names that it must export. The main entry also exports the class of each layer and each activation. */
const entries: Readonly<Record<string, readonly [exported: object, names: string]>> = {
  '.': [
    engine,
    `
      ArenaError ArgumentError AutogradError BCELoss BCEWithLogitsLoss CrossEntropyLoss EngineError Generator HuberLoss
      KLDivLoss L1Loss MSELoss Module NLLLoss NonFiniteWeightsError Parameter ReferenceBackend Schedule ShapeError SmoothL1Loss
      Tensor ThreadLostError TrainingError WasmBackend WeightsError abs adaptiveAvgPool2d add arange avgPool2d backend batchNorm
      balancedWeights batchTensors bceLoss bceWithLogitsLoss cat clipGradientNorm clone conv2d convTranspose2d countCorrect crossEntropy
      defaultGenerator div dropout dropout2d embedding encodeWeights exp expand flatten formatShape formatTensor freezeWeights fromFlat full
      gradientNorm groupNorm huberLoss inArena indices instanceNorm isGradEnabled klDivLoss l1Loss layerNorm
      leaveTeam linear loadWeights log logSoftmax manualSeed matmul max maxPool2d maximum mean metricSums minimum mm mseLoss mul narrow neg
      nllLoss noGrad ones optim pad parameterGroups permute pow prelu rand randn reciprocal relu reshape serveTeam setBackend
      smoothL1Loss softmax sqrt square strictKernels sub sum t tensor train transpose upsample variance
      withBackend zeros
    `,
  ],
  './data': [
    data,
    `
      DataFormatError DatasetChecksumError DatasetUnavailableError InlineLoader LoaderError UPLOADED_FILE UploadError
      balancedOrder cifarDataset colourOf contentOf dataSchema datasetDefinitions datasetStatistics decodingFor describeData encodeNpy encodeNpz encodePng epochOrder fileKind
      findDataset fitTransforms idxDataset imageFormatOf imagePreparation isUploaded loadData mostFaults npyDataset npzPieces npzPlaces parseNpy prepareCsv
      prepareRows readNpz sampleOrder smallestLimit splitRows statisticsOf suggestedFormats transformDefinitions transformSchema
      uploadFileParts uploadFormat uploadFormatDefinitions uploadFormats uploadOptions uploadedContent uploadedDatasetId
    `,
  ],
  './formats': [
    formats,
    `
      CheckpointError SAFETENSORS_LENGTH_BYTES SafetensorsError WeightsFileError decodeCheckpoint decodeSafetensors elementTypes
      elementTypesListed encodeOnnx encodeSafetensors engineScript fitWeights fittedName listSafetensors metadataOfFit onnxParts
      pytorchScript safetensorsHeaderBytes safetensorsMetadata safetensorsPart selectWeights weightMismatches weightShapes
    `,
  ],
  './spec': [
    spec,
    `
      MOST_THREADS NonFiniteNumbers Predictor SpecError buildModel canonicalJson catalog catalogSchema checkSpec checkedJobSchema
      convolutionNames defaultLimits engineVersion epochMetricsSchema evaluationSchema goalOf gradientSnapshotSchema imagePreparationOf
      imageSample inferShapes initialWeightsFile isInspected jobSpecSchema layerDefinitions layerSchema learningRateAt lossDefinitions
      lossSchema metricName metricNames mostProblems nearest newJobSchema nonFiniteName nonFiniteSchema openSpec parse pointer
      predictionCost relaxedEngineVersion schedulerDefinitions schedulerSchema show summarySchema tallyFor torchvisionNames
      trainingSummarySchema
    `,
  ],
  './node': [
    node,
    `
      AheadLoader NodeDatasetFiles UnpackedFiles nodeThreads openLoader readUpload readWeightsFile
    `,
  ],
  './relaxed': [
    relaxed,
    `
      relaxedKernels
    `,
  ],
  './errors': [
    errors,
    `
      ArenaError ArgumentError AutogradError EngineError ShapeError SpecError ThreadLostError TrainingError mostProblems
    `,
  ],
  './uploads': [
    uploads,
    `
      DataFormatError SafetensorsError UploadError WeightsFileError contentOf imageFormatOf npzPieces readUpload readWeightsFile statisticsOf
    `,
  ],
};

const layerNames = [...Object.keys(plainLayers).filter((name) => name !== 'default'), 'Branches', 'Residual', 'Sequential'];
const activationNames = activationFunctions.map(([name]) => name);
const listed = (names: string): string[] => names.trim().split(/\s+/);

test('every entry of the package has a list', () => {
  expect(Object.keys(entries).toSorted()).toEqual(Object.keys(manifest.exports).toSorted());
});

test.each(Object.entries(entries))('%s exports the names of its list', (entry, [exported, names]) => {
  const expected = entry === '.' ? [...listed(names), ...layerNames, ...activationNames] : listed(names);
  expect(Object.keys(exported).toSorted()).toEqual(expected.toSorted());
});

test('each name is exported by one entry: only errors and uploads repeat names of other entries', () => {
  const { './errors': _errors, './uploads': _uploads, ...others } = entries;
  const all = Object.values(others).flatMap(([exported]) => Object.keys(exported));
  expect(all.toSorted()).toEqual([...new Set(all)].toSorted());
});

test('a name in errors or uploads has the same value in the other entry that exports it', () => {
  const everything = { ...spec, ...engine, ...data, ...formats, ...node } as Readonly<Record<string, unknown>>;
  for (const part of [errors, uploads]) {
    for (const [name, value] of Object.entries(part)) expect(everything[name], name).toBe(value);
  }
});
