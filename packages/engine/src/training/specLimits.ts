// The most that a job may ask for, and what that is unless a service says otherwise.

export interface SpecLimits {
  readonly parameters: number;
  readonly memoryBytes: number;
  readonly epochs: number;
  readonly layers: number;
}

export const defaultLimits: SpecLimits = { parameters: 100e6, memoryBytes: 3.5e9, epochs: 100_000, layers: 1_000 };
