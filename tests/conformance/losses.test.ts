// The losses against PyTorch's values and gradients. The table is the one place that maps PyTorch's names to ours.
import {
  bceLoss,
  bceWithLogitsLoss,
  crossEntropy,
  huberLoss,
  klDivLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
  type Tensor,
} from '@trainyard/engine';
import { type Operation, testConformance } from './compare.ts';
import { camelCase } from './names.ts';

const options = ['reduction', 'label_smoothing', 'ignore_index', 'weight', 'pos_weight', 'beta', 'delta', 'log_target'];

/** A loss whose options are the case's arguments, and its inputs beside `input` and `target`. */
const loss =
  (compute: (input: Tensor, target: Tensor, options: object) => Tensor): Operation =>
  ({ input, target, ...others }, args) => {
    const given = Object.entries({ ...args, ...others });
    const unknown = given.find(([name]) => !options.includes(name));
    if (unknown !== undefined) throw new Error(`this test does not know the argument "${unknown[0]}"`);
    return compute(input, target, Object.fromEntries(given.map(([name, value]) => [camelCase(name), value])));
  };

testConformance('losses.json', {
  mse_loss: loss(mseLoss),
  l1_loss: loss(l1Loss),
  smooth_l1_loss: loss(smoothL1Loss),
  huber_loss: loss(huberLoss),
  cross_entropy: loss(crossEntropy),
  nll_loss: loss(nllLoss),
  binary_cross_entropy: loss(bceLoss),
  binary_cross_entropy_with_logits: loss(bceWithLogitsLoss),
  kl_div: loss(klDivLoss),
});
