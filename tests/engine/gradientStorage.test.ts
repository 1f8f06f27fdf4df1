// Tests the storage of gradients. The first operation of a backward pass writes directly to the gradient of a leaf. zeroGrad only marks a
// gradient as zero until it is read. These optimizations must not change any result.
import { AutogradError, Linear, optim, tensor, type Tensor, zeros } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';

const gradientOf = ({ grad }: Tensor): Tensor => grad ?? expect.fail('there is no gradient');

describe('a gradient', () => {
  test('adds up over backward passes, and starts from zero after zeroGrad', () => {
    const layer = new Linear(2, 1);
    const optimizer = new optim.SGD(layer.parameters());
    const x = tensor([[1, 2]]);
    for (let i = 0; i < 2; i++) layer.forward(x).sum().backward();
    expect(gradientOf(layer.weight).tolist()).toEqual([[2, 4]]);
    optimizer.zeroGrad();
    layer.forward(x).sum().backward();
    expect(gradientOf(layer.weight).tolist()).toEqual([[1, 2]]);
  });

  test('is the sum over all uses within one pass: the first use overwrites it, the others add to it', () => {
    const layer = new Linear(2, 2, { bias: false });
    const x = tensor([[1, 2]]);
    const once = layer.forward(x);
    layer.forward(x.mul(3)).add(once).sum().backward();
    expect(gradientOf(layer.weight).tolist()).toEqual([
      [4, 8],
      [4, 8],
    ]);
    gradientOf(layer.weight).zeroLater();
    const again = layer.forward(x);
    layer.forward(x.mul(3)).add(again).sum().backward();
    expect(gradientOf(layer.weight).tolist()).toEqual([
      [4, 8],
      [4, 8],
    ]);
  });

  test('is the same tensor before and after zeroGrad, and zero for all tensors that share its storage', () => {
    const layer = new Linear(2, 1);
    layer
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    const gradient = gradientOf(layer.weight);
    const shared = gradient.detach();
    layer.zeroGrad();
    expect(layer.weight.grad).toBe(gradient);
    expect(shared.tolist()).toEqual([[0, 0]]);
    expect(gradient.tolist()).toEqual([[0, 0]]);
  });

  test('updates nothing when no pass came after zeroGrad', () => {
    const layer = new Linear(2, 1);
    const optimizer = new optim.SGD(layer.parameters(), { learningRate: 1 });
    layer
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    optimizer.zeroGrad();
    const before = layer.weight.tolist();
    optimizer.step();
    expect(layer.weight.tolist()).toEqual(before);
  });

  test('is zero and not partly written after a failed pass', () => {
    const layer = new Linear(2, 2);
    layer
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    layer.zeroGrad();
    const middle = zeros([1, 2], { requiresGrad: true }).exp();
    const output = layer.forward(middle);
    // exp has saved its result for its backward pass. The test changes this result, so the backward pass of exp is refused. It runs after
    // the backward pass of the layer.
    const other = middle.exp();
    middle.detach().fill_(3);
    expect(() => output.sum().add(other.sum()).backward()).toThrow(AutogradError);
    expect(gradientOf(layer.weight).tolist()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});
