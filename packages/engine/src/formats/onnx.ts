// Exports a job's network as an ONNX model (opset 17, IR version 8) for evaluation: without dropout, and with the running statistics of
// batch norm. Its input is a batch of samples of any size as the dataset has them, because the graph contains the job's transforms. Weights
// are references with a name and a length, so that the caller can stream them from their file.
import type { Float } from '../construction.ts';
import { findDataset } from '../data/datasets/index.ts';
import { findTransform } from '../data/transforms/index.ts';
import type { ChannelStatistics } from '../data/transforms/statistics.ts';
import { findLoss } from '../losses/index.ts';
import { findLayer, inferShapes, type LayerSpec } from '../nn/layers/index.ts';
import type { OnnxAttribute, OnnxNodes, OnnxScope } from '../onnx.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { JobSpec } from '../training/jobSpec.ts';
import { statisticsIn } from '../training/statisticsMetadata.ts';
import { engineVersion } from '../version.ts';
import { bytes, float, integer, join, message, type Reference, type Rope, text } from './protobuf.ts';
import { decodeSafetensors } from './safetensors.ts';

const IR_VERSION = 8;
const OPSET = 17;

/** The field numbers of onnx.proto, by message. */
const MODEL = { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8, metadata: 14 } as const;
const METADATA = { key: 1, value: 2 } as const;
const OPERATOR_SET = { domain: 1, version: 2 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 } as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 } as const;
const DATA_TYPE = { float: 1, int64: 7 } as const;
const VALUE = { name: 1, type: 2 } as const;
const TYPE = { tensorType: 1, elemType: 1, shape: 2, dim: 1, dimValue: 1, dimParam: 2 } as const;

const BYTES_PER_VALUE = 4;

/** A weight in a file of weights. Its numbers are float32. */
export interface WeightEntry {
  readonly name: string;
  readonly shape: Shape;
}

/**
 * Returns the model's bytes in parts. A part that is a reference stands for the bytes of a weight, little-endian.
 *
 * The input `input` has the shape [batch, …] of the dataset's samples, as float32. Pixels are numbers from 0 to 255. The output `output` is
 * the output of the network. If the loss compares probabilities, there is a second output `probabilities` of the same shape. The metadata
 * of the model has the names of the classes as a list in JSON (`classes`), the job's `data.transforms` (`transforms`) and `jobId`.
 * @param weights the weights of the network: at least its parameters and running statistics
 * @param jobId the id of the job. Default: none
 * @param fileMetadata the metadata of the file of the weights. Default: none
 * @throws StatisticsError if the transforms of the data need statistics, and the metadata has none
 */
export function onnxParts(
  spec: JobSpec,
  weights: readonly WeightEntry[],
  jobId?: string,
  fileMetadata: Readonly<Record<string, string>> = {},
): Rope {
  const { inputShape, inputType, target } = findDataset(spec.data.dataset).describe(spec.data);
  const graph = new Graph(new Map(weights.map(({ name, shape }) => [name, shape])));
  const prepared = graph.prepare(spec, inputShape, inputType === 'uint8', statisticsIn(fileMetadata, spec.data.transforms));
  const { output, outputShape } = graph.add(spec.model.layers, '', prepared.output, prepared.outputShape);
  graph.rename(output, 'output');
  const { onnxProbabilities } = findLoss(spec.loss.type);
  if (onnxProbabilities) graph.rename(onnxProbabilities(graph.nodes('probabilities', 'output')), 'probabilities');
  const metadata = {
    ...(target.kind === 'class' && { classes: JSON.stringify(target.classes) }),
    transforms: JSON.stringify(spec.data.transforms),
    ...(jobId !== undefined && { jobId }),
  };
  return join(
    integer(MODEL.irVersion, IR_VERSION),
    text(MODEL.producerName, 'trainyard'),
    text(MODEL.producerVersion, engineVersion),
    message(
      MODEL.graph,
      graph.encoded,
      text(GRAPH.name, spec.name ?? 'model'),
      message(GRAPH.input, valueInfo('input', inputShape)),
      message(GRAPH.output, valueInfo('output', outputShape)),
      ...(onnxProbabilities ? [message(GRAPH.output, valueInfo('probabilities', outputShape))] : []),
    ),
    message(MODEL.opsetImport, text(OPERATOR_SET.domain, ''), integer(OPERATOR_SET.version, OPSET)),
    ...Object.entries(metadata).map(([key, value]) => message(MODEL.metadata, text(METADATA.key, key), text(METADATA.value, value))),
  );
}

/** Returns the model of {@link onnxParts} as one file. @param weights the safetensors file of the network */
export function encodeOnnx(spec: JobSpec, weights: Uint8Array, jobId?: string): Uint8Array<ArrayBuffer> {
  const { tensors: decoded, metadata } = decodeSafetensors(weights);
  const tensors = new Map(decoded.map((tensor) => [tensor.name, tensor]));
  const { length, parts } = onnxParts(spec, decoded, jobId, metadata);
  const file = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    const data = part instanceof Uint8Array ? part : tensors.get(part.tensor)?.data;
    if (data === undefined) continue;
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += part.length;
  }
  return file;
}

/** Collects the nodes and initializers of the graph. */
class Graph {
  readonly #weights: ReadonlyMap<string, Shape>;
  readonly #nodes: Rope[] = [];
  readonly #initializers: Rope[] = [];
  readonly #names = new Set<string>();

  constructor(weights: ReadonlyMap<string, Shape>) {
    this.#weights = weights;
  }

  get encoded(): Rope {
    return join(
      ...this.#nodes.map((node) => message(GRAPH.node, node)),
      ...this.#initializers.map((tensor) => message(GRAPH.initializer, tensor)),
    );
  }

  /** Adds a sequence of layers. @param prefix the prefix of their names, such as '' or `3.layers.` */
  add(layers: readonly LayerSpec[], prefix: string, input: string, inputShape: Shape): { output: string; outputShape: Shape } {
    const inferred = inferShapes(layers, inputShape);
    if (!inferred.ok) throw inferred.error;
    let output = input;
    let outputShape = inputShape;
    for (const [index, layer] of layers.entries()) {
      const { name, outputShape: next } = inferred.layers[index];
      output = findLayer(layer.type).onnx(this.#scope(prefix + name, output), layer, outputShape, next);
      outputShape = next;
    }
    return { output, outputShape };
  }

  /** Adds the preparation of samples from the input `input`: pixels are divided by 255, and then the job's transforms are applied. */
  prepare(
    spec: JobSpec,
    inputShape: Shape,
    arePixels: boolean,
    statistics: readonly ChannelStatistics[],
  ): { output: string; outputShape: Shape } {
    let output = 'input';
    let outputShape = inputShape;
    if (arePixels) {
      const { node, constant } = this.nodes('pixels', output);
      output = node('Div', [output, constant(255, [])]);
    }
    let fitted = 0;
    for (const [index, transform] of spec.data.transforms.entries()) {
      const definition = findTransform(transform.type);
      // Evaluation leaves out the transforms of whole batches.
      if (definition.scope === 'batch') continue;
      const own = definition.needsStatistics === true ? statistics[fitted++] : undefined;
      output = definition.onnx?.(transform, outputShape, this.nodes(`transforms/${index}`, output), own) ?? output;
      outputShape = definition.outputShape(transform, outputShape);
    }
    return { output, outputShape };
  }

  /** Gives a value a second name. */
  rename(value: string, name: string): void {
    this.#nodes.push(encodeNode('Identity', [value], name, {}));
  }

  /** Returns functions that add nodes and constants. @param owner the beginning of their names @param input see {@link OnnxScope.input} */
  nodes(owner: string, input: string): OnnxNodes {
    return {
      input,
      node: (operator, inputs, attributes = {}) => {
        const output = this.#unique(`${owner}/${operator}`);
        this.#nodes.push(encodeNode(operator, inputs, output, attributes));
        return output;
      },
      constant: (values, shape) => {
        const data = new Float32Array(sizeOf(shape));
        if (typeof values === 'number') data.fill(values);
        else data.set(values);
        return this.#constant(owner, shape, DATA_TYPE.float, data);
      },
      integers: (values) => this.#constant(owner, [values.length], DATA_TYPE.int64, BigInt64Array.from(values, BigInt)),
    };
  }

  #scope(layer: string, input: string): OnnxScope {
    return {
      ...this.nodes(layer, input),
      weight: (name, shape) => this.#weight(`${layer}.${name}`, shape),
      // The schema of the containing layer has already parsed its inner layers.
      nested: (name, layers, from, shape) => this.add(layers as readonly LayerSpec[], `${layer}.${name}.`, from, shape).output,
    };
  }

  #weight(name: string, shape?: Shape): string {
    const own = this.#weights.get(name);
    if (own === undefined) throw new TypeError(`the weights have no "${name}"`);
    if (!this.#names.has(name)) {
      this.#names.add(name);
      this.#initializers.push(encodeTensor(name, shape ?? own, DATA_TYPE.float, { tensor: name, length: BYTES_PER_VALUE * sizeOf(own) }));
    }
    return name;
  }

  #constant(owner: string, shape: Shape, type: number, data: Float32Array | BigInt64Array): string {
    const name = this.#unique(`${owner}/constant`);
    this.#initializers.push(encodeTensor(name, shape, type, new Uint8Array(data.buffer)));
    return name;
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name); count++) name = `${wanted}_${count}`;
    this.#names.add(name);
    return name;
  }
}

function encodeNode(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>>,
): Rope {
  return join(
    ...inputs.map((input) => text(NODE.input, input)),
    text(NODE.output, output),
    text(NODE.name, output),
    text(NODE.opType, operator),
    ...Object.entries(attributes).map(([name, value]) => message(NODE.attribute, text(ATTRIBUTE.name, name), attributeValue(value))),
  );
}

function attributeValue(value: OnnxAttribute): Rope {
  if (typeof value === 'number') return join(integer(ATTRIBUTE.i, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.int));
  if (typeof value === 'string') return join(text(ATTRIBUTE.s, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.string));
  if (isFloat(value)) return join(float(ATTRIBUTE.f, value.float), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float));
  return join(...value.map((entry) => integer(ATTRIBUTE.ints, entry)), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints));
}

const isFloat = (value: readonly number[] | Float): value is Float => 'float' in value;

function encodeTensor(name: string, shape: Shape, type: number, data: Uint8Array | Reference): Rope {
  const dims = shape.map((size) => integer(TENSOR.dims, size));
  return join(...dims, integer(TENSOR.dataType, type), text(TENSOR.name, name), bytes(TENSOR.rawData, data));
}

/** Describes a float32 tensor with a batch of samples. The size of the batch is open. */
function valueInfo(name: string, sampleShape: Shape): Rope {
  const batch = message(TYPE.dim, text(TYPE.dimParam, 'batch'));
  const sizes = sampleShape.map((size) => message(TYPE.dim, integer(TYPE.dimValue, size)));
  const tensor = join(integer(TYPE.elemType, DATA_TYPE.float), message(TYPE.shape, batch, ...sizes));
  return join(text(VALUE.name, name), message(VALUE.type, message(TYPE.tensorType, tensor)));
}
