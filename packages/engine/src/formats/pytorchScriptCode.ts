// Python's way to write what definitions say of themselves: literals and calls of PyTorch's classes. It knows no job.
import type { Argument, Construction } from '../construction.ts';

/** Options that PyTorch does not call by the same name in snake_case. */
const pythonNames: Readonly<Record<string, string>> = {
  learningRate: 'lr',
  maxLearningRate: 'max_lr',
  minLearningRate: 'min_lr',
  tMax: 'T_max',
  t0: 'T_0',
  tMult: 'T_mult',
};

const pythonName = (option: string): string => pythonNames[option] ?? option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `nn.Conv2d(1, 6, 5, padding=2)`. @param leading code of arguments that come first. */
export function pythonCall({ name, positional, named }: Construction, ...leading: readonly string[]): string {
  // PyTorch takes named children as one ordered dictionary.
  if (name === 'nn.Sequential' && Array.isArray(positional[0]))
    return `nn.Sequential(OrderedDict([${positional.map(pythonLiteral).join(', ')}]))`;
  const options = Object.entries(named).map(([option, value]) => `${pythonName(option)}=${pythonLiteral(value)}`);
  return `${name}(${[...leading, ...positional.map(pythonLiteral), ...options].join(', ')})`;
}

export function pythonLiteral(value: Argument): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if ('float' in value) return pythonFloat(value.float);
  if ('tensor' in value) return `torch.tensor(${pythonTensor(value.tensor)})`;
  if ('name' in value) return pythonCall(value);
  return value.length === 1 ? `(${pythonLiteral(value[0])},)` : `(${value.map(pythonLiteral).join(', ')})`;
}

/** A number that Python reads as a float. */
export function pythonFloat(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

function pythonTensor(values: number | readonly number[]): string {
  return typeof values === 'number' ? pythonFloat(values) : `[${values.map(pythonFloat).join(', ')}]`;
}
