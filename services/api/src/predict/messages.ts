// The messages between the API and a process that predicts (predictProcess.ts).
import type { JobSpec, ListedTensor, UnknownCategory } from '@trainyard/engine';
import type { RenderOrder } from './render.ts';

/** What to predict on: samples row-major, or an image file. */
export type PredictInput =
  | {
      readonly kind: 'values';
      readonly values: Float32Array;
      /** For rows of a table: goes into the answer as it is. */
      readonly unknownCategories?: readonly UnknownCategory[];
    }
  | { readonly kind: 'image'; readonly bytes: Uint8Array };

export interface PredictOrder {
  readonly kind: 'predict';
  /** Names the weights: the same key, the same network. */
  readonly key: string;
  readonly spec: JobSpec;
  readonly input: PredictInput;
  readonly activations: boolean;
  /** The memory that it needs at most, in bytes (see cost.ts). */
  readonly memoryBytes: number;
}

/** A tensor whose bytes follow. */
export type SentTensor = Pick<ListedTensor, 'name' | 'shape' | 'dtype'> & { readonly bytes: number };

export type ToPredictProcess =
  | { readonly kind: 'order'; readonly order: PredictOrder | RenderOrder }
  /** After `needsWeights`. The bytes of these tensors follow on the standard input, one tensor after the other. */
  | { readonly kind: 'weights'; readonly tensors: readonly SentTensor[] };

export type PredictAnswer =
  /** The answer's body: JSON or a picture. */
  | { readonly kind: 'done'; readonly body: Uint8Array }
  /** The input cannot be used, in words for the client. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

export type FromPredictProcess =
  /** It can take orders. */
  | { readonly kind: 'ready' }
  /** The network of the order is not in memory. */
  | { readonly kind: 'needsWeights' }
  | {
      readonly kind: 'answer';
      readonly answer: PredictAnswer;
      /** The memory of the process after the prediction, in bytes. */
      readonly residentBytes: number;
    };

/** The memory of a process without a network, in bytes: Node itself, and what the collector has not freed yet. */
export const processBytes = 128 * 2 ** 20;

/** The settings of a process, as its argument. */
export interface ProcessSettings {
  /** The process is killed when it has more. */
  readonly memoryBytes: number;
  /** Of the networks that are kept. */
  readonly cacheBytes: number;
}
