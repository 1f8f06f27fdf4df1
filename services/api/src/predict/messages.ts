// The messages between the API and a process that predicts (predictProcess.ts).
import type { UnknownCategory } from '@trainyard/engine/data';
import type { ListedTensor } from '@trainyard/engine/formats';
import type { JobSpec } from '@trainyard/engine/spec';
import type { RenderOrder } from './render.ts';

/** The input of a prediction: the numbers of the samples in row-major order, or an image file. */
export type PredictInput =
  | {
      readonly kind: 'values';
      readonly values: Float32Array;
      /** For rows of a table: values that the dataset does not have. This field is copied to the response. */
      readonly unknownCategories?: readonly UnknownCategory[];
    }
  | {
      readonly kind: 'image';
      readonly bytes: Uint8Array;
      /** Whether black and white are exchanged. */
      readonly isInverted: boolean;
    };

export interface PredictOrder {
  readonly kind: 'predict';
  /** Identifies the weights. Orders with the same key use the same network. */
  readonly key: string;
  readonly spec: JobSpec;
  readonly input: PredictInput;
  readonly activations: boolean;
  /** The most memory that the prediction needs, in bytes (see cost.ts). */
  readonly memoryBytes: number;
}

/** Describes a tensor. Its bytes are sent separately. */
export type SentTensor = Pick<ListedTensor, 'name' | 'shape' | 'dtype'> & { readonly bytes: number };

export type ToPredictProcess =
  | { readonly kind: 'order'; readonly order: PredictOrder | RenderOrder }
  /** Sent after `needsWeights`. The bytes of these tensors follow on the standard input, one tensor after the other. */
  | { readonly kind: 'weights'; readonly metadata: Readonly<Record<string, string>>; readonly tensors: readonly SentTensor[] };

export type PredictAnswer =
  /** The body of the response: JSON or a picture. */
  | { readonly kind: 'done'; readonly body: Uint8Array }
  /** The input cannot be used. The message is for the client. */
  | { readonly kind: 'refused'; readonly message: string }
  /** A tensor did not fit into the memory of the process. */
  | { readonly kind: 'outOfMemory' }
  | { readonly kind: 'failed'; readonly message: string };

export type FromPredictProcess =
  /** The process is ready for orders. */
  | { readonly kind: 'ready' }
  /** The network of the order is not in memory. */
  | { readonly kind: 'needsWeights' }
  | {
      readonly kind: 'answer';
      readonly answer: PredictAnswer;
      /** The memory of the process after the prediction, in bytes. */
      readonly residentBytes: number;
    };

/** The memory of a process without a network, in bytes: Node itself, and garbage that is not collected yet. */
export const processBytes = 128 * 2 ** 20;

/** The settings of a prediction process. It gets these settings as JSON in its first argument. */
export interface ProcessSettings {
  /** The memory limit, in bytes. A process that uses more is killed. */
  readonly memoryBytes: number;
  /** The memory for networks that are kept, in bytes. */
  readonly cacheBytes: number;
}
