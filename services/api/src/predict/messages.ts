// What the API's main thread and its prediction thread say to each other.
import type { JobSpec, UnknownCategory } from '@trainyard/engine';

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
  /** Names the weights: the same key, the same network. */
  readonly key: string;
  readonly spec: JobSpec;
  readonly input: PredictInput;
  readonly activations: boolean;
  /** Only after the thread has asked for them. */
  readonly weights?: Uint8Array;
}

export type PredictAnswer =
  /** The answer's JSON. */
  | { readonly kind: 'predicted'; readonly body: Uint8Array }
  /** The network is not in the thread's memory: send the order again, with its weights. */
  | { readonly kind: 'needsWeights' }
  /** The input cannot be used, in words for the client. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };
