// The engine's errors. Each has a stable `code` for programs, and a message for people with the place, the offending values and the remedy.
// Services use only the codes and do not parse messages.

/** A problem of an input. */
export interface Problem {
  /** A JSON pointer (RFC 6901) to the offending value. '' is the whole input. */
  readonly path: string;
  readonly message: string;
  /** A stable code in camelCase: unknownField, unknownType, required, invalidType, tooSmall, tooBig, invalidFormat, invalidValue, … */
  readonly code: string;
}

/** The most problems that are reported for one input. */
export const mostProblems = 100;

/** The base class of all errors that the engine throws on purpose. */
export class EngineError extends Error {
  /** The error's code in camelCase. It is part of the public API and does not change. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Shapes do not fit an operation. */
export class ShapeError extends EngineError {
  /** The option at fault, such as `kernelSize`, or null. Inside a layer that contains layers it is a path: `layers/0/kernelSize`. */
  readonly field: string | null;

  constructor(message: string, field: string | null = null) {
    super('shapeMismatch', message);
    this.field = field;
  }
}

/** An argument is not one that the operation accepts. */
export class ArgumentError extends EngineError {
  constructor(message: string) {
    super('invalidArgument', message);
  }
}

/** The autograd graph was misused: a second backward pass, a saved tensor that was changed, or no gradient to start from. */
export class AutogradError extends EngineError {
  constructor(message: string) {
    super('autograd', message);
  }
}

/** A tensor was used after its arena had ended. */
export class ArenaError extends EngineError {
  constructor(message: string) {
    super('arenaEnded', message);
  }
}

/** A thread of the engine has ended or does not respond, so its work is lost. The request itself is not at fault. */
export class ThreadLostError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('threadLost', message, options);
  }
}

/** A job spec has errors. The error has up to 100 problems. */
export class SpecError extends EngineError {
  readonly issues: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const issues = problems.slice(0, mostProblems);
    super('invalidSpec', issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.issues = issues;
  }
}

/** Training cannot continue. The error has the place and the reason. */
export class TrainingError extends EngineError {
  /** The epoch and the step, counted from 1. */
  readonly epoch: number;
  readonly step: number;

  constructor(code: string, message: string, epoch: number, step: number) {
    super(code, message);
    this.epoch = epoch;
    this.step = step;
  }
}
