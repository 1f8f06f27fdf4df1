// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): pictures of clothing in MNIST's format. URL, checksums and class names are from
// torchvision (torchvision/datasets/mnist.py).
import { defineMnistLike } from './mnistLike.ts';

export const fashionMnist = defineMnistLike({
  name: 'fashionMnist',
  title: 'Fashion-MNIST',
  description: 'Articles of clothing: 60,000 training and 10,000 test images, 28×28 grey',
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  // The publisher's website has no https. The checksums prove that the files are the originals.
  source: 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  trainImages: { bytes: 26_421_880, md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d' },
  trainLabels: { bytes: 29_515, md5: '25c81989df183df01b3e8a0aad5dffbe' },
  testImages: { bytes: 4_422_102, md5: 'bef4ecab320f06d8554ea6380940ec79' },
  testLabels: { bytes: 5_148, md5: 'bb300cfdad3c16e7a12a480ee83cd310' },
});
