// How to convert other files that people send as weights. The table of file kinds (data/fileKinds) recognises them.
import { type FileKind, fileKind, zipKind } from '../data/fileKinds/index.ts';

const saveFile = 'safetensors.numpy.save_file({"0.weight": array, …}, "weights.safetensors")';
const sendWeights = 'send a safetensors file or torch.save(model.state_dict(), "weights.pt")';

/** Remedies by the id of the kind. All other kinds get {@link sendWeights}. */
const remedies: Readonly<Record<string, string>> = {
  torchLegacy: 'save it again with PyTorch 1.6 or later, torch.save(torch.load("weights.pt"), "new.pt")',
  pickle: `it is not read; write its arrays with ${saveFile}`,
  hdf5: `write its arrays in PyTorch's shapes with ${saveFile}`,
  kerasZip: `write its arrays in PyTorch's shapes with ${saveFile}`,
  savedModel: `write its arrays in PyTorch's shapes with ${saveFile}`,
  tfLite: `write its arrays in PyTorch's shapes with ${saveFile}`,
  onnx: `read its initializers with onnx.numpy_helper.to_array and write them with ${saveFile}`,
  gguf: `write its tensors as F32 with ${saveFile}`,
  npy: `it has no names; write it with ${saveFile}`,
  npz: 'use safetensors.numpy.save_file(dict(numpy.load("weights.npz")), "weights.safetensors")',
  torchScript: 'save its weights, torch.save(torch.jit.load("model.pt").state_dict(), "weights.pt")',
  gitLfs: 'run git lfs pull first',
  html: 'download the file itself, not the page about it',
};

/** Whether the beginning of a file consists only of characters and line ends. It must be long enough that this is not a coincidence. */
const isText = (head: Uint8Array): boolean =>
  head.length >= 16 && head.every((byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);

/** Recognises TensorFlow's saved_model.pb: it begins with the version of its schema (1), followed by the graphs. */
const isSavedModel = (head: Uint8Array): boolean => head[0] === 0x08 && head[1] === 1 && head[2] === 0x12;

const describe = ({ id, group, name }: Pick<FileKind, 'id' | 'group' | 'name'>): string => {
  const unpack = group === 'packed' || group === 'archive' ? 'unpack it and send the file with the weights' : sendWeights;
  return `the file is ${name}: ${remedies[id] ?? unpack}`;
};

/** Recognises a file by its beginning. Returns its kind and how to convert it, or null for an unknown kind. */
export function otherWeightFile(head: Uint8Array): string | null {
  if (isSavedModel(head)) return describe({ id: 'savedModel', group: 'weights', name: 'a TensorFlow SavedModel' });
  const kind = fileKind(head);
  if (kind !== null) return describe(kind);
  return isText(head) ? `the file is a text: ${sendWeights}` : null;
}

/** Does the same as {@link otherWeightFile} for a zip with these files, which do not include `data.pkl`. */
export function otherZip(names: readonly string[]): string {
  if (names.some((name) => /(^|\/)archive_format$/.test(name))) {
    return 'the file is a program of torch.export: save its weights, torch.save(program.state_dict, "weights.pt")';
  }
  const kind = zipKind(names);
  return kind === null ? `the file is a zip that torch.save did not write: ${sendWeights}` : describe(kind);
}
