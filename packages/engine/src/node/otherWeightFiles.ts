// Files that people send as weights and that are not: what each is, and how to make of it one that is read. Known by how they
// begin, or by what is in the zip.

interface Kind {
  readonly is: (head: Uint8Array) => boolean;
  /** `the file is …: what to do`. */
  readonly message: string;
}

const bytesAt = (head: Uint8Array, at: number, bytes: readonly number[]): boolean => bytes.every((byte, i) => head[at + i] === byte);
const textAt = (head: Uint8Array, at: number, text: string): boolean => bytesAt(head, at, Array.from(Buffer.from(text, 'latin1')));

const saveFile = 'safetensors.numpy.save_file({"0.weight": array, …}, "weights.safetensors")';

const sendWeights = 'send a safetensors file or torch.save(model.state_dict(), "weights.pt")';

/** Characters and line ends only, and enough of them not to be chance. */
const isText = (head: Uint8Array): boolean =>
  head.length >= 16 && head.every((byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);

const kinds: readonly Kind[] = [
  {
    is: (head) => bytesAt(head, 0, [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
    message:
      'the old format of torch.save, from before PyTorch 1.6: save it again with a newer PyTorch, torch.save(torch.load("weights.pt"), "new.pt")',
  },
  {
    is: (head) => head[0] === 0x80 && head[1] >= 2 && head[1] <= 5,
    message: `a Python pickle, which is not read: write its arrays with ${saveFile}`,
  },
  {
    is: (head) => bytesAt(head, 0, [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
    message: `an HDF5 file, as Keras saves it (.h5): write its arrays in PyTorch's shapes with ${saveFile}`,
  },
  {
    is: (head) => head[0] === 0x08 && head[1] > 2 && head[1] < 0x20 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(head[2]),
    message: `an ONNX model: write its initializers with ${saveFile}; onnx.numpy_helper.to_array reads them`,
  },
  {
    is: (head) => bytesAt(head, 0, [0x08, 0x01, 0x12]),
    message: `a TensorFlow SavedModel: write its arrays in PyTorch's shapes with ${saveFile}`,
  },
  { is: (head) => textAt(head, 4, 'TFL3'), message: `a TensorFlow Lite model: write its arrays in PyTorch's shapes with ${saveFile}` },
  { is: (head) => textAt(head, 0, 'GGUF'), message: `a GGUF model: write its tensors as F32 with ${saveFile}` },
  { is: (head) => bytesAt(head, 0, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]), message: `a NumPy array without a name: use ${saveFile}` },
  { is: (head) => bytesAt(head, 0, [0x1f, 0x8b]), message: 'compressed with gzip: unpack it first (gunzip)' },
  { is: (head) => textAt(head, 257, 'ustar'), message: 'a tar archive: unpack it first and send the file with the weights' },
  {
    is: (head) => textAt(head, 0, 'version https://git-lfs'),
    message: "a pointer of Git LFS and not the file that it stands for: run 'git lfs pull' first",
  },
  {
    is: (head) => /^\s*<(!doctype|html|\?xml)/i.test(Buffer.from(head.subarray(0, 64)).toString('latin1')),
    message: 'a web page: download the file itself, not the page about it',
  },
  { is: (head) => bytesAt(head, 0, [0x89, 0x50, 0x4e, 0x47]) || bytesAt(head, 0, [0xff, 0xd8, 0xff]), message: `an image: ${sendWeights}` },
  { is: (head) => textAt(head, 0, 'PAR1'), message: `a Parquet table: ${sendWeights}` },
  { is: isText, message: `a text: ${sendWeights}` },
];

/** How many bytes of a file it takes to know it. */
export const HEAD_BYTES = 512;

/** What is wrong with a file that begins like this; null when it is none of the known kinds. */
export function otherWeightFile(head: Uint8Array): string | null {
  const kind = kinds.find(({ is }) => is(head));
  return kind === undefined ? null : `the file is ${kind.message}`;
}

/** The same for a zip that holds these files and no `data.pkl`. */
export function otherZip(names: readonly string[]): string {
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) {
    return 'the file is an NPZ archive: use safetensors.numpy.save_file(dict(numpy.load("weights.npz")), "weights.safetensors")';
  }
  if (has(/(^|\/)model\.weights\.h5$/)) {
    return `the file is a Keras model (.keras): write its arrays in PyTorch's shapes with ${saveFile}`;
  }
  if (has(/(^|\/)archive_format$/)) {
    return 'the file is a program of torch.export: save its weights, torch.save(program.state_dict, "weights.pt")';
  }
  return `the file is a zip that torch.save did not write: ${sendWeights}`;
}
