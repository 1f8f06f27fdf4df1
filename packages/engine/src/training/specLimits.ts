// The limits of job specs, and their defaults. A service can set other limits.

export interface SpecLimits {
  readonly parameters: number;
  readonly memoryBytes: number;
  readonly epochs: number;
  readonly layers: number;
}

export const defaultLimits: SpecLimits = { parameters: 100e6, memoryBytes: 3.5e9, epochs: 100_000, layers: 1_000 };
