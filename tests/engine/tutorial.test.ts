// Runs the tutorial as a user does. It prints the output of PyTorch for the same seed and the same code.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const tutorial = fileURLToPath(new URL('../../packages/engine/examples/tutorial.ts', import.meta.url));

/** The output of PyTorch 2.15 on a CPU. The losses and gradients are also in runs_tutorial.json. */
const printedByPyTorch = `Net(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
  (fc1): Linear(in_features=400, out_features=120, bias=True)
  (fc2): Linear(in_features=120, out_features=84, bias=True)
  (fc3): Linear(in_features=84, out_features=10, bias=True)
)
10
[6, 1, 5, 5]
tensor([[-0.1007, -0.0902,  0.0364,  0.0591, -0.0421,  0.0203,  0.0314,  0.0724,
         -0.0276,  0.1233]], grad_fn=<AddmmBackward0>)
tensor(0.7947, grad_fn=<MseLossBackward0>)
<MseLossBackward0>
<AddmmBackward0>
<AccumulateGrad>
conv1.bias.grad before backward
tensor([0., 0., 0., 0., 0., 0.])
conv1.bias.grad after backward
tensor([-0.0041, -0.0112,  0.0024, -0.0076, -0.0033,  0.0027])
step 2 tensor(0.7810, grad_fn=<MseLossBackward0>)
step 3 tensor(0.7672, grad_fn=<MseLossBackward0>)
step 4 tensor(0.7537, grad_fn=<MseLossBackward0>)
step 5 tensor(0.7397, grad_fn=<MseLossBackward0>)
step 6 tensor(0.7256, grad_fn=<MseLossBackward0>)
step 7 tensor(0.7118, grad_fn=<MseLossBackward0>)
step 8 tensor(0.6975, grad_fn=<MseLossBackward0>)
step 9 tensor(0.6826, grad_fn=<MseLossBackward0>)
step 10 tensor(0.6669, grad_fn=<MseLossBackward0>)
step 11 tensor(0.6504, grad_fn=<MseLossBackward0>)
step 12 tensor(0.6332, grad_fn=<MseLossBackward0>)
step 13 tensor(0.6150, grad_fn=<MseLossBackward0>)
step 14 tensor(0.5957, grad_fn=<MseLossBackward0>)
step 15 tensor(0.5758, grad_fn=<MseLossBackward0>)
step 16 tensor(0.5549, grad_fn=<MseLossBackward0>)
step 17 tensor(0.5324, grad_fn=<MseLossBackward0>)
step 18 tensor(0.5086, grad_fn=<MseLossBackward0>)
step 19 tensor(0.4838, grad_fn=<MseLossBackward0>)
step 20 tensor(0.4575, grad_fn=<MseLossBackward0>)
`;

test('the tutorial prints what PyTorch prints', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [tutorial]);
  expect(stdout).toBe(printedByPyTorch);
});
