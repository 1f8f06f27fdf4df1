// Text files that are not tables, and formats that begin with a line of text.
import { latin1, magic, remedies, type TestedKind, text } from './define.ts';

export const texts: readonly TestedKind[] = [
  {
    id: 'html',
    group: 'document',
    name: 'an HTML page',
    remedy: 'the download probably failed and saved an error page: download it again',
    test: text(/^\s*(<!doctype html|<html|<head|<body)/i),
  },
  {
    id: 'svg',
    group: 'image',
    name: 'an SVG drawing',
    remedy: remedies.otherImage,
    test: text(/^\s*(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg[\s>]/i),
  },
  {
    id: 'xml',
    group: 'document',
    name: 'an XML file',
    remedy: 'convert it to CSV',
    test: text(/^\s*<(\?xml|!doctype|[a-z][\w:.-]*[\s/>])/i),
  },
  {
    id: 'gitLfs',
    group: 'document',
    name: 'a Git LFS pointer, not the file itself',
    remedy: 'run "git lfs pull", and send the file that it downloads',
    test: text(/^version https:\/\/git-lfs\.github\.com\/spec\//),
  },
  {
    id: 'notebook',
    group: 'document',
    name: 'a Jupyter notebook',
    remedy: 'send the data that the notebook reads',
    test: text(/^\s*\{\s*"(cells|nbformat|metadata)"\s*:/),
  },
  {
    id: 'json',
    group: 'document',
    name: 'a JSON file',
    remedy: 'save it as CSV, in Python pandas.read_json("data.json", lines=…).to_csv("data.csv", index=False)',
    test: text(/^\s*(\{\s*("|\})|\[\s*([[{"\]]|-?\d[\d.eE+-]*\s*[,\]]))/),
  },
  { id: 'arff', group: 'table', name: 'an ARFF file', remedy: 'save it as CSV', test: text(/^(\s*%[^\n]*\n|\s)*@relation\s/i) },
  {
    id: 'libsvm',
    group: 'table',
    name: 'a LIBSVM file',
    remedy: 'save it as CSV, or as arrays with numpy.savez("data.npz", x=x.toarray(), y=y)',
    test: text(/^[+-]?\d+(\.\d+)?([ \t]+\d+:[+-]?[\d.][\d.eE+-]*)+[ \t]*(\r?\n|$)/),
  },
  { id: 'pdf', group: 'document', name: 'a PDF file', remedy: remedies.noDataset, test: magic('%PDF-') },
  { id: 'rtf', group: 'document', name: 'an RTF document', remedy: 'save it as CSV', test: magic('{\\rtf') },
  {
    id: 'pickle',
    group: 'weights',
    name: 'a Python pickle',
    remedy: remedies.pickled,
    test: text(/^(\((dp|lp|i|t)|[cg](numpy|__builtin__|builtins|collections|copy_reg|sklearn|torch|pandas)[\w.]*\n)/),
  },
  {
    id: 'netpbm',
    group: 'image',
    name: 'a PNM image',
    remedy: remedies.otherImage,
    test: (head) => /^P[1-7]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s/.test(latin1(head)),
  },
  { id: 'fits', group: 'array', name: 'a FITS file', remedy: remedies.arrays, test: magic('SIMPLE  =') },
];
