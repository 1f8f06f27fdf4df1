// The tutorial's network from the seed alone, against runs_tutorial.json: forward, loss, gradient, 20 steps of SGD. On every
// backend that computes in float32: in float64 PyTorch's generator draws other numbers.
import {
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  MSELoss,
  manualSeed,
  maxPool2d,
  optim,
  ReLU,
  randn,
  relu,
  Sequential,
  setBackend,
  type Tensor,
} from '@trainyard/engine';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, poolers } from '../support/backends.ts';
import { expectClose } from '../support/expectClose.ts';
import { readConformance, type StoredTensor } from './conformanceDir.ts';

interface Run {
  readonly run: string;
  readonly seed: number;
  readonly kernel_size: number;
  readonly output: StoredTensor;
  readonly loss: number;
  readonly 'conv1.bias.grad': StoredTensor;
  readonly input_first8: readonly number[];
  /** The loss of each step, before its update. */
  readonly 'sgd_lr0.01_losses': readonly number[];
  readonly param_sums_after: Readonly<Record<string, number>>;
}

const SIDE = 32;
const tolerance = { absolute: 1e-6, relative: 1e-5 };

/** A convolution without padding, then a pooling that halves. */
const afterBlock = (side: number, kernel: number): number => Math.floor((side - kernel + 1) / 2);

class LeNet extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly fc3: Linear;
  /** The same layers in a row, of which neighbours run as one. Not a field of its own that parameters are looked for in. */
  readonly #inStages: Sequential | null;

  constructor(kernel: number, runsInStages: boolean) {
    super();
    const side = afterBlock(afterBlock(SIDE, kernel), kernel);
    this.conv1 = new Conv2d(1, 6, kernel);
    this.conv2 = new Conv2d(6, 16, kernel);
    this.fc1 = new Linear(16 * side * side, 120);
    this.fc2 = new Linear(120, 84);
    this.fc3 = new Linear(84, 10);
    const { conv1, conv2, fc1, fc2, fc3 } = this;
    const blocks = [conv1, conv2].flatMap((conv) => [conv, new ReLU(), new MaxPool2d(2)]);
    this.#inStages = runsInStages ? new Sequential(...blocks, new Flatten(), fc1, new ReLU(), fc2, new ReLU(), fc3) : null;
  }

  override forward(input: Tensor): Tensor {
    if (this.#inStages !== null) return this.#inStages.forward(input);
    const c1 = maxPool2d(relu(this.conv1.forward(input)), 2);
    const c2 = maxPool2d(relu(this.conv2.forward(c1)), 2);
    const f1 = relu(this.fc1.forward(c2.flatten(1)));
    return this.fc3.forward(relu(this.fc2.forward(f1)));
  }
}

/** The run up to its first backward pass. */
function start({ seed, kernel_size: kernel }: Run, runsInStages: boolean) {
  manualSeed(seed);
  const net = new LeNet(kernel, runsInStages);
  const input = randn([1, 1, SIDE, SIDE]);
  const output = net.forward(input);
  const target = randn([10]).view(1, -1);
  const criterion = new MSELoss();
  return { net, input, output, target, criterion, loss: criterion.forward(output, target) };
}

const scalar = (value: number) => ({ shape: [], data: [value] });

const runs = readConformance<Run[]>('runs_tutorial.json');

test('runs_tutorial.json holds runs', () => {
  expect(runs.length).toBeGreaterThan(0);
});

const inFloat32 = backends.filter(({ make }) => make().dtype === 'float32');
const ways = [
  ...inFloat32.map((backend) => ({ ...backend, runsInStages: false, how: 'operation by operation' })),
  ...[...inFloat32, ...poolers].map((backend) => ({ ...backend, runsInStages: true, how: 'in stages' })),
];

describe.each(ways)('on $name, $how', ({ make, runsInStages }) => {
  beforeAll(() => {
    setBackend(make());
  });

  describe.each(runs)('with seed $seed and kernels of $kernel_size', (run) => {
    test('draws the input, and computes the output, the loss and the gradient', () => {
      const { net, input, output, loss } = start(run, runsInStages);
      run.input_first8.forEach((value, i) => expect(Math.abs(input.values[i] - value), `input ${i}`).toBeLessThanOrEqual(1e-6));
      expectClose(output, run.output, tolerance, 'output');
      expectClose(loss, scalar(run.loss), tolerance, 'loss');
      loss.backward();
      expectClose(net.conv1.bias?.grad ?? null, run['conv1.bias.grad'], tolerance, 'conv1.bias.grad');
    });

    test('takes the steps of SGD and ends with the parameters', () => {
      const { net, input, target, criterion } = start(run, runsInStages);
      const optimizer = new optim.SGD(net.parameters(), { learningRate: 0.01 });
      const losses = run['sgd_lr0.01_losses'].map(() => {
        optimizer.zeroGrad();
        const loss = criterion.forward(net.forward(input), target);
        loss.backward();
        optimizer.step();
        return loss.item();
      });
      losses.forEach((loss, step) => {
        const wanted = run['sgd_lr0.01_losses'][step];
        expect(Math.abs(loss - wanted), `loss of step ${step}`).toBeLessThanOrEqual(tolerance.absolute + tolerance.relative * wanted);
      });
      for (const [name, parameter] of net.namedParameters()) {
        const sum = [...parameter.values].reduce((total, value) => total + value, 0);
        expect(Math.abs(sum - run.param_sums_after[name]), name).toBeLessThanOrEqual(2e-5);
      }
    });
  });
});
