// Gives each test file a new default backend, because the files of a project share processes. vitest runs this before each file.
import { setBackend, WasmBackend } from '@trainyard/engine';

setBackend(new WasmBackend());
