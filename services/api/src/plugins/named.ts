// Gives plugins that are functions of this package a name.

/** Names a plugin. Without a name, fastify would search all loaded modules for the plugin whenever an app is made. */
export function named<Plugin extends { readonly name: string }>(plugin: Plugin): Plugin {
  return Object.assign(plugin, { [Symbol.for('fastify.display-name')]: plugin.name });
}
