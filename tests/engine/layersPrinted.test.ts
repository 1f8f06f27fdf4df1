// Tests that layers print like those of PyTorch, with the same names and values.
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Branches,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Dropout2d,
  ELU,
  Flatten,
  GELU,
  GroupNorm,
  Hardsigmoid,
  Hardswish,
  InstanceNorm2d,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSoftmax,
  MaxPool2d,
  Mish,
  type Module,
  PReLU,
  ReLU,
  ReLU6,
  Residual,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  SqueezeExcitation,
  Tanh,
  Upsample,
} from '@trainyard/engine';
import { expect, test } from 'vitest';

const printed: readonly (readonly [Module, string])[] = [
  [new Conv2d(3, 8, 3), 'Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))'],
  [
    new Conv2d(4, 8, [3, 5], { stride: 2, padding: [1, 2], dilation: [1, 2], groups: 2, bias: false }),
    'Conv2d(4, 8, kernel_size=(3, 5), stride=(2, 2), padding=(1, 2), dilation=(1, 2), groups=2, bias=False)',
  ],
  [
    new Conv2d(4, 8, 3, { padding: 'same', paddingMode: 'circular' }),
    'Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=same, padding_mode=circular)',
  ],
  [
    new ConvTranspose2d(4, 8, 3, { stride: 2, padding: [1, 0], outputPadding: 1, groups: 2 }),
    'ConvTranspose2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), output_padding=(1, 1), groups=2)',
  ],
  [new AvgPool2d([3, 2], { padding: 1 }), 'AvgPool2d(kernel_size=(3, 2), stride=(3, 2), padding=1)'],
  [new AdaptiveAvgPool2d([7, null]), 'AdaptiveAvgPool2d(output_size=(7, None))'],
  [new Upsample({ scaleFactor: 2, mode: 'bilinear' }), "Upsample(scale_factor=2.0, mode='bilinear')"],
  [new Upsample({ size: [4, 3] }), "Upsample(size=(4, 3), mode='nearest')"],
  [
    new Residual(new Sequential(new ReLU())),
    `Residual(
  (layers): Sequential(
    (0): ReLU()
  )
)`,
  ],
  [
    new SqueezeExcitation(8, 2, { scaleActivation: new Hardsigmoid() }),
    `SqueezeExcitation(
  (avgpool): AdaptiveAvgPool2d(output_size=1)
  (fc1): Conv2d(8, 2, kernel_size=(1, 1), stride=(1, 1))
  (fc2): Conv2d(2, 8, kernel_size=(1, 1), stride=(1, 1))
  (activation): ReLU()
  (scale_activation): Hardsigmoid()
)`,
  ],
  [
    new Branches([new Sequential(new ReLU()), new Sequential()]),
    `Branches(
  (branches): ModuleList(
    (0): Sequential(
      (0): ReLU()
    )
    (1): Sequential()
  )
)`,
  ],
  [new Linear(400, 120), 'Linear(in_features=400, out_features=120, bias=True)'],
  [new Linear(3, 2, { bias: false }), 'Linear(in_features=3, out_features=2, bias=False)'],
  [new ReLU(), 'ReLU()'],
  [new MaxPool2d(2), 'MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)'],
  [
    new MaxPool2d([3, 2], { stride: 1, padding: [1, 0], ceilMode: true }),
    'MaxPool2d(kernel_size=(3, 2), stride=1, padding=(1, 0), dilation=1, ceil_mode=True)',
  ],
  [new BatchNorm2d(4), 'BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)'],
  [
    new BatchNorm1d(4, { momentum: null, affine: false, trackRunningStats: false }),
    'BatchNorm1d(4, eps=1e-05, momentum=None, affine=False, track_running_stats=False)',
  ],
  [new LayerNorm([4, 3]), 'LayerNorm((4, 3), eps=1e-05, elementwise_affine=True)'],
  [new LayerNorm(8, { elementwiseAffine: false }), 'LayerNorm((8,), eps=1e-05, elementwise_affine=False)'],
  [new GroupNorm(2, 4), 'GroupNorm(2, 4, eps=1e-05, affine=True)'],
  [new Dropout(0.25), 'Dropout(p=0.25, inplace=False)'],
  [new InstanceNorm2d(4), 'InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)'],
  [new Dropout2d(0.25), 'Dropout2d(p=0.25, inplace=False)'],
  [new LeakyReLU(), 'LeakyReLU(negative_slope=0.01)'],
  [new ELU(), 'ELU(alpha=1.0)'],
  [new GELU(), "GELU(approximate='none')"],
  [new Softplus(), 'Softplus(beta=1.0, threshold=20.0)'],
  [new Softmax(), 'Softmax(dim=1)'],
  [new LogSoftmax(-1), 'LogSoftmax(dim=-1)'],
  [new PReLU(3), 'PReLU(num_parameters=3)'],
  [new ReLU6(), 'ReLU6()'],
  [new SiLU(), 'SiLU()'],
  [new Sigmoid(), 'Sigmoid()'],
  [new Tanh(), 'Tanh()'],
  [new Hardswish(), 'Hardswish()'],
  [new Hardsigmoid(), 'Hardsigmoid()'],
  [new Mish(), 'Mish()'],
  [new Flatten(), 'Flatten(start_dim=1, end_dim=-1)'],
  [new Flatten(2, -2), 'Flatten(start_dim=2, end_dim=-2)'],
  [
    new Sequential(['conv1', new Conv2d(1, 6, 5)], new ReLU(), ['head', new Sequential(new Flatten(), new Linear(9, 2))]),
    `Sequential(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (1): ReLU()
  (head): Sequential(
    (0): Flatten(start_dim=1, end_dim=-1)
    (1): Linear(in_features=9, out_features=2, bias=True)
  )
)`,
  ],
];

test.each(printed)('a layer prints as in PyTorch: case %#', (module, text) => {
  expect(String(module)).toBe(text);
});
