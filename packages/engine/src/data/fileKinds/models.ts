// Python pickles and files of trained networks.
import { all, latin1, magic, remedies, type TestedKind } from './define.ts';

export const models: readonly TestedKind[] = [
  {
    id: 'cifarPython',
    group: 'weights',
    name: 'a CIFAR batch of the Python version (a pickle)',
    remedy: 'download the binary version, and send cifar-10-binary.tar.gz',
    test: all(isPickle, (head) => /batch_label|(fine|coarse)_labels/.test(latin1(head))),
  },
  {
    id: 'torchLegacy',
    group: 'weights',
    name: 'a file of torch.save (in its old format)',
    remedy: remedies.pickled,
    test: magic([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
  },
  { id: 'pickle', group: 'weights', name: 'a Python pickle', remedy: remedies.pickled, test: isPickle },
  { id: 'safetensors', group: 'weights', name: 'a safetensors file', remedy: remedies.noWeights, test: isSafetensors },
  { id: 'gguf', group: 'weights', name: 'a GGUF model', remedy: remedies.noWeights, test: magic('GGUF') },
  { id: 'tfLite', group: 'weights', name: 'a TensorFlow Lite model', remedy: remedies.noWeights, test: magic('TFL3', 4) },
];

/**
 * Tests for a pickle of protocol 2 or later. Such a pickle begins with the number of its protocol. In usual pickles, one of a few opcodes
 * follows this number.
 */
function isPickle(head: Uint8Array): boolean {
  if (head[0] !== 0x80) return false;
  if (head[1] === 4 || head[1] === 5) return head[2] === 0x95 || '}](c)X\u008c'.includes(String.fromCharCode(head[2]));
  return (head[1] === 2 || head[1] === 3) && '}](c)XUTBKJMG\u008a\u008b'.includes(String.fromCharCode(head[2]));
}

/** Tests whether the bytes begin with the length of a JSON header and the beginning of that header. */
function isSafetensors(head: Uint8Array): boolean {
  if (head.length < 10 || head[8] !== 0x7b || !(head[9] === 0x22 || head[9] === 0x7d || head[9] === 0x20)) return false;
  return head[4] === 0 && head[5] === 0 && head[6] === 0 && head[7] === 0;
}
