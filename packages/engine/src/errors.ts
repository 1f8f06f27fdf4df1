// The engine's errors. Each has a stable `code` for programs and a message for people that names
// the place, the offending values and the remedy. Services map codes; they never parse messages.
import type { Problem } from './validation.ts';

/** The most problems that are reported for one input. */
export const mostProblems = 100;

/** Base of every error that the engine throws on purpose. */
export class EngineError extends Error {
  /** Stable, camelCase; part of the public API. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Shapes that do not fit an operation. */
export class ShapeError extends EngineError {
  /** The option that is to blame, where one is: `kernelSize`; within a layer that holds others, its path: `layers/0/kernelSize`. */
  readonly field: string | null;

  constructor(message: string, field: string | null = null) {
    super('shapeMismatch', message);
    this.field = field;
  }
}

/** An argument outside what an operation accepts. */
export class ArgumentError extends EngineError {
  constructor(message: string) {
    super('invalidArgument', message);
  }
}

/** A misuse of the autograd graph: a second backward, a changed saved tensor, no gradient to start from. */
export class AutogradError extends EngineError {
  constructor(message: string) {
    super('autograd', message);
  }
}

/** A tensor of an arena that has ended was used. */
export class ArenaError extends EngineError {
  constructor(message: string) {
    super('arenaEnded', message);
  }
}

/** A thread of the engine has ended or stands still, with what it was to do. Nothing is wrong with what was asked for. */
export class ThreadLostError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('threadLost', message, options);
  }
}

/** A job spec that cannot work, with everything that is wrong with it, up to 100 problems. */
export class SpecError extends EngineError {
  readonly issues: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const issues = problems.slice(0, mostProblems);
    super('invalidSpec', issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.issues = issues;
  }
}

/** A run that cannot go on: where it stopped, and why. */
export class TrainingError extends EngineError {
  /** Both count from 1. */
  readonly epoch: number;
  readonly step: number;

  constructor(code: string, message: string, epoch: number, step: number) {
    super(code, message);
    this.epoch = epoch;
    this.step = step;
  }
}
