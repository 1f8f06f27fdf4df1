// Tests the graph of operations: which tensors get gradients, how gradients accumulate, and which wrong uses are refused.
// opsGradients.test.ts tests the gradients of single operations.
import {
  add,
  exp,
  full,
  inArena,
  isGradEnabled,
  linear,
  matmul,
  mul,
  noGrad,
  ones,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe('autograd', () => {
  onEveryBackend(() => {
    test('accumulates the gradients of two backward passes', () => {
      const x = leaf(1, 2);
      x.mul(3).sum().backward();
      x.mul(4).sum().backward();
      expect(x.grad?.tolist()).toEqual([7, 7]);
    });

    test('accumulates the gradients of a tensor that is used twice', () => {
      const x = leaf(2, 3);
      x.mul(x).add(x).sum().backward();
      expect(x.grad?.tolist()).toEqual([5, 7]);
    });

    test('completes the gradient of a tensor before it continues to its operands, for any order of paths', () => {
      const x = leaf(2);
      const early = x.mul(2);
      const late = early.mul(3).mul(5);
      early.add(late).sum().backward();
      expect(x.grad?.tolist()).toEqual([32]);
    });

    test('gives both operands of one sum their own gradient', () => {
      const [a, b] = [leaf(1), leaf(2)];
      const total = a.add(b);
      total.add(total.mul(a)).sum().backward();
      expect([a.grad?.item(), b.grad?.item()]).toEqual([1 + 1 + 3, 2]);
    });

    test('does not give a gradient to the tensor on which backward() is called', () => {
      const x = leaf(1, 1);
      const start = tensor([2, 3]);
      x.clone().backward(start);
      x.grad?.zero_();
      expect(start.tolist()).toEqual([2, 3]);
    });

    test('records nothing inside noGrad, and records again after it', () => {
      const x = leaf(1);
      const y = noGrad(() => {
        expect(isGradEnabled()).toBe(false);
        return x.mul(2);
      });
      expect([y.requiresGrad, y.gradFn, isGradEnabled()]).toEqual([false, null, true]);
      expect(x.mul(2).requiresGrad).toBe(true);
    });

    test.each([
      ['noGrad', noGrad],
      ['inArena', inArena],
    ])('%s refuses an async function, because a part of it would run later', (name, run) => {
      const attempt = () => run(() => Promise.reject(new Error('nobody waits for this')));
      expectRefusal(attempt, 'invalidArgument', `${name} needs a synchronous function, got an async one`);
      expect(isGradEnabled()).toBe(true);
    });

    test('records again after noGrad threw', () => {
      expect(() => noGrad(() => sum(tensor([1]), 5))).toThrow('out of range');
      expect(isGradEnabled()).toBe(true);
    });

    test('stops at detach(), which shares the elements', () => {
      const x = leaf(1, 2);
      const cut = x.mul(2).detach();
      x.mul(cut).sum().backward();
      expect(x.grad?.tolist()).toEqual([2, 4]);
      x.data.fill_(9);
      expect(x.tolist()).toEqual([9, 9]);
    });

    test('computes no gradient for an operand that does not require one', () => {
      const x = leaf(1);
      const constant = tensor([2]);
      x.mul(constant).sum().backward();
      expect(constant.grad).toBeNull();
    });

    test('starts a backward pass of many elements with a gradient of their shape', () => {
      const x = leaf(1, 2);
      const y = x.mul(x);
      expectRefusal(() => y.backward(), 'autograd', /shape \[2\]/);
      expectRefusal(() => y.backward(ones([3])), 'shapeMismatch', /gradient has shape \[3\]/);
      y.backward(tensor([1, 10]));
      expect(x.grad?.tolist()).toEqual([2, 40]);
    });

    test('runs backward through a graph once, and again if it was retained', () => {
      const x = leaf(3);
      const retained = x.mul(x).sum();
      retained.backward({ retainGraph: true });
      retained.backward(undefined, { retainGraph: true });
      retained.backward();
      expect(x.grad?.tolist()).toEqual([18]);
      expectRefusal(() => retained.backward(), 'autograd', /retainGraph/);
    });

    test('refuses backward() of a tensor without a graph', () => {
      expectRefusal(() => tensor(1).backward(), 'autograd', /no gradFn/);
    });

    test('runs backward() on a leaf', () => {
      const x = tensor(1, { requiresGrad: true });
      x.backward();
      expect(x.grad?.item()).toBe(1);
    });

    test('shows the graph as PyTorch names it', () => {
      const [x, weight, bias] = [ones([1, 2]), ones([3, 2], { requiresGrad: true }), zeros([3], { requiresGrad: true })];
      const loss = linear(x, weight, bias).mean();
      expect(String(loss.gradFn)).toBe('<MeanBackward0>');
      const addmm = loss.gradFn?.nextFunctions[0][0];
      expect(addmm?.name).toBe('AddmmBackward0');
      expect(addmm?.nextFunctions.map(([node]) => node?.name ?? null)).toEqual(['AccumulateGrad', null, 'AccumulateGrad']);
      expect(addmm?.nextFunctions[0][0]?.variable).toBe(bias);
    });

    const names: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
      ['AddBackward0', (x) => x.add(1)],
      ['SumBackward0', (x) => x.sum()],
      ['SumBackward1', (x) => x.sum(0)],
      ['MeanBackward1', (x) => x.mean([0, 1])],
      ['ViewBackward0', (x) => x.reshape(-1)],
      ['PermuteBackward0', (x) => x.permute(1, 0)],
      ['TransposeBackward0', (x) => x.transpose(0, 1)],
      ['TBackward0', (x) => x.t()],
      ['ExpandBackward0', (x) => x.expand(2, 2, 2)],
      ['CloneBackward0', (x) => x.clone()],
      ['MmBackward0', (x) => x.mm(x)],
      ['MvBackward0', (x) => x.matmul(tensor([1, 1]))],
      ['BmmBackward0', (x) => matmul(x.reshape(1, 2, 2), x.reshape(1, 2, 2))],
      ['LogSoftmaxBackward0', (x) => x.logSoftmax(1)],
      ['ReluBackward0', (x) => x.relu()],
      ['PowBackward0', (x) => x.pow(2)],
    ];
    test.each(names)('names a node %s', (name, compute) => {
      expect(compute(ones([2, 2], { requiresGrad: true })).gradFn?.name).toBe(name);
    });

    test('goes back through a chain of 50,000 operations', () => {
      const x = leaf(0);
      let y = x;
      for (let i = 0; i < 50_000; i++) y = add(y, 1);
      y.sum().backward();
      expect([y.item(), x.grad?.item()]).toEqual([50_000, 1]);
    });
  });
});

describe('in-place changes', () => {
  onEveryBackend(() => {
    test('of a leaf that requires gradients are refused outside noGrad', () => {
      const x = leaf(1, 2);
      expectRefusal(() => x.add_(1), 'autograd', /leaf that requires gradients/);
      expectRefusal(() => x.zero_(), 'autograd', /leaf that requires gradients/);
      expect(x.tolist()).toEqual([1, 2]);
      noGrad(() => x.sub_(tensor([1, 1])));
      expect(x.tolist()).toEqual([0, 1]);
    });

    test('of a computed tensor are refused', () => {
      expectRefusal(() => leaf(1).mul(2).add_(1), 'autograd', /MulBackward0 computed/);
    });

    test('with an operand that requires gradients are refused, because the graph does not record them', () => {
      expectRefusal(() => tensor([1]).add_(leaf(1)), 'autograd', /operand that requires gradients/);
      expectRefusal(() => tensor([1]).copy_(leaf(1)), 'autograd', /operand that requires gradients/);
    });

    test('of a value that backward needs are detected, also through an alias', () => {
      const changes: ((x: Tensor) => void)[] = [
        (x) => noGrad(() => x.add_(1)),
        (x) => x.data.mul_(2),
        (x) => x.detach().reshape(2).fill_(0),
      ];
      for (const change of changes) {
        const x = leaf(1, 2);
        const loss = x.mul(x).sum();
        change(x);
        expectRefusal(() => loss.backward(), 'autograd', /changed in place/);
      }
    });

    test('of a result that backward needs are detected through an alias', () => {
      for (const operation of [
        exp,
        (x: Tensor) => x.sqrt(),
        (x: Tensor) => x.relu(),
        (x: Tensor) => x.div(x),
        (x: Tensor) => x.logSoftmax(0),
      ]) {
        const y = operation(leaf(1, 2));
        y.detach().zero_();
        expectRefusal(() => y.sum().backward(), 'autograd', /changed in place/);
      }
    });

    test('of a value that backward does not need are allowed', () => {
      const x = leaf(1, 2);
      const y = x.add(1);
      x.data.zero_();
      y.sum().backward();
      expect(x.grad?.tolist()).toEqual([1, 1]);
    });

    test('after backward() are allowed, as in an optimizer', () => {
      const x = leaf(1, 2);
      x.mul(x).sum().backward();
      noGrad(() => x.sub_(mul(x.grad ?? 0, 0.5)));
      expect(x.tolist()).toEqual([0, 0]);
      x.grad?.zero_();
      x.mul(x).add(x).sum().backward();
      expect(x.grad?.tolist()).toEqual([1, 1]);
    });
  });
});

describe('arenas', () => {
  onEveryBackend(() => {
    test('free their tensors at the end: every later use is an error', () => {
      const x = leaf(1, 2);
      const [y, view, untouched] = inArena(() => {
        const y = x.mul(2);
        return [y, y.reshape(2, 1), y.exp().sum()];
      });
      expectRefusal(() => y.tolist(), 'arenaEnded', /used after its step had ended/);
      expectRefusal(() => view.add(1), 'arenaEnded', /used after its step had ended/);
      expectRefusal(() => untouched.item(), 'arenaEnded', /used after its step had ended/);
      expectRefusal(() => untouched.backward(), 'arenaEnded', /used after its step had ended/);
      expectRefusal(() => y.detach().zero_(), 'arenaEnded', /used after its step had ended/);
      expect(y.shape).toEqual([2]);
    });

    test('do not free parameters, their gradients and views of both', () => {
      const x = leaf(1, 2);
      const view = inArena(() => {
        x.mul(3).sum().backward();
        return x.data.reshape(2, 1);
      });
      expect(x.grad?.tolist()).toEqual([3, 3]);
      expect(view.tolist()).toEqual([[1], [2]]);
    });

    test('do not free a value that was kept with keep()', () => {
      const kept = inArena(() => tensor([1, 2]).mul(2).keep());
      expect(kept.add(1).tolist()).toEqual([3, 5]);
    });

    test('can be nested: the end of the inner one does not free tensors of the outer one', () => {
      inArena(() => {
        const outer = tensor([1, 2]);
        const inner = inArena(() => outer.mul(2));
        expectRefusal(() => inner.tolist(), 'arenaEnded', /used after its step had ended/);
        const after = full([2], 7);
        expect([outer.tolist(), after.tolist()]).toEqual([
          [1, 2],
          [7, 7],
        ]);
      });
    });

    test('end also if the step throws, and the next one works', () => {
      let escaped: Tensor | undefined;
      expect(() =>
        inArena(() => {
          escaped = tensor([1]);
          throw new RangeError('step failed');
        }),
      ).toThrow('step failed');
      expectRefusal(() => escaped?.item(), 'arenaEnded', /used after its step had ended/);
      expect(inArena(() => tensor([2]).item())).toBe(2);
    });

    test('do not reuse memory of tensors that are alive', () => {
      const before = tensor([1, 2, 3]);
      inArena(() => full([1000], 5).add(1));
      const between = tensor([4, 5, 6]);
      inArena(() => full([1000], 7).add(1));
      expect([before.tolist(), between.tolist()]).toEqual([
        [1, 2, 3],
        [4, 5, 6],
      ]);
    });
  });
});
