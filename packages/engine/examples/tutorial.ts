// PyTorch's tutorial "Neural Networks", line beside line, in the engine's words: docs.pytorch.org/tutorials/beginner/blitz.
// Run it with `npm run tutorial`. With the same seed PyTorch prints the same numbers. Two things are added to the tutorial:
// a seed, and a generator of its own for the random gradient, so that input and target are the seed's first two draws.
import {
  Conv2d,
  formatShape,
  Generator,
  Linear,
  Module,
  MSELoss,
  manualSeed,
  maxPool2d,
  optim,
  randn,
  relu,
  type Tensor,
} from '@trainyard/engine';

const print = (...values: unknown[]): void => console.log(values.map(String).join(' '));

manualSeed(0);

// Define the network

class Net extends Module {
  // 1 input image channel, 6 output channels, 5x5 square convolution kernel
  readonly conv1 = new Conv2d(1, 6, 5);
  readonly conv2 = new Conv2d(6, 16, 5);
  // an affine operation: y = Wx + b
  readonly fc1 = new Linear(16 * 5 * 5, 120); // 5*5 from image dimension
  readonly fc2 = new Linear(120, 84);
  readonly fc3 = new Linear(84, 10);

  override forward(input: Tensor): Tensor {
    // Max pooling over a (2, 2) window; if the size is a square, a single number says it too
    const c1 = relu(this.conv1.forward(input));
    const s2 = maxPool2d(c1, [2, 2]);
    const c3 = relu(this.conv2.forward(s2));
    const s4 = maxPool2d(c3, 2).flatten(1);
    const f5 = relu(this.fc1.forward(s4));
    const f6 = relu(this.fc2.forward(f5));
    return this.fc3.forward(f6);
  }
}

const net = new Net();
print(net);

// The learnable parameters of a model are returned by net.parameters()

const params = net.parameters();
print(params.length);
print(formatShape(params[0].shape)); // conv1's weight

// Let us try a random 32x32 input

const input = randn([1, 1, 32, 32]);
const out = net.forward(input);
print(out);

// Zero the gradient buffers of all parameters and backprop with random gradients

net.zeroGrad();
out.backward(randn([1, 10], { generator: new Generator(1) }));

// Loss function

let output = net.forward(input);
const target = randn([10]) // a dummy target, for example
  .view(1, -1); // make it the same shape as output
const criterion = new MSELoss();

let loss = criterion.forward(output, target);
print(loss);

// For illustration, let us follow a few steps backward

print(loss.gradFn); // MSELoss
print(loss.gradFn?.nextFunctions[0]?.[0]); // Linear
print(loss.gradFn?.nextFunctions[0]?.[0]?.nextFunctions[0]?.[0]); // the last bias

// Backprop

net.zeroGrad(); // zeroes the gradient buffers of all parameters

print('conv1.bias.grad before backward');
print(net.conv1.bias?.grad);

loss.backward();

print('conv1.bias.grad after backward');
print(net.conv1.bias?.grad);

// Update the weights: weight = weight - learningRate * gradient

const learningRate = 0.01;
for (const f of net.parameters()) {
  if (f.grad !== null) f.data.sub_(f.grad.data.mul(learningRate));
}

// Various update rules are in optim

const optimizer = new optim.SGD(net.parameters(), { learningRate: 0.01 });

// In your training loop

for (let step = 2; step <= 20; step++) {
  optimizer.zeroGrad(); // zero the gradient buffers
  output = net.forward(input);
  loss = criterion.forward(output, target);
  loss.backward();
  optimizer.step(); // does the update
  print('step', step, loss);
}
