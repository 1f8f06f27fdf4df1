// What a training process gets of the worker's environment: what Node needs to run and to download datasets, by name. Secrets of the
// service and of whatever else runs on the machine are not among it.

/** Folders for temporary files and, on Windows, of the system. */
const system = ['TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH', 'TZ'];

/** Where Node keeps compiled code, which makes the next start quicker. */
const compiled = ['NODE_COMPILE_CACHE'];

/** How to reach a server that datasets are downloaded from. */
const network = ['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_USE_ENV_PROXY'];
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

const inherited: readonly string[] = [...system, ...compiled, ...network, ...proxies];

/** The part of the environment that a training process inherits. */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(inherited.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
