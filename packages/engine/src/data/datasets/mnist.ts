// MNIST (LeCun, Cortes and Burges): handwritten digits. URL and checksums are from torchvision
// (torchvision/datasets/mnist.py).
import { digitClasses } from '../define.ts';
import { defineMnistLike } from './mnistLike.ts';

export const mnist = defineMnistLike({
  name: 'mnist',
  title: 'MNIST',
  description: 'Handwritten digits: 60,000 training and 10,000 test images, 28×28 grey',
  classes: digitClasses,
  source: 'https://ossci-datasets.s3.amazonaws.com/mnist/',
  trainImages: { bytes: 9_912_422, md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873' },
  trainLabels: { bytes: 28_881, md5: 'd53e105ee54ea40749a09fcbcd1e9432' },
  testImages: { bytes: 1_648_877, md5: '9fb629c4189551a2d022fa330f9573f3' },
  testLabels: { bytes: 4_542, md5: 'ec29112dd5afa0611ce80d1b7f02629c' },
});
