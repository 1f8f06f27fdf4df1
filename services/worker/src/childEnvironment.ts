// The environment variables that a training process inherits from the worker: only those listed here, which Node needs to run and to
// download datasets. Secrets of the service and of other programs are not passed on.

/** Folders for temporary files and, on Windows, of the system. */
const system = ['TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH', 'TZ'];

/** Node's cache of compiled code, which makes the next start faster. */
const compiled = ['NODE_COMPILE_CACHE'];

/** Certificates and proxies for downloads of datasets. */
const network = ['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_USE_ENV_PROXY'];
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

const inherited: readonly string[] = [...system, ...compiled, ...network, ...proxies];

/** Returns the part of the environment that a training process inherits. */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(inherited.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
