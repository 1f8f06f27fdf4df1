// Names the plugins of this package, so that an app is created faster.

/** Names a plugin after its function. Without a name, fastify would search all loaded modules for the plugin, for each app. */
export function named<Plugin extends { readonly name: string }>(plugin: Plugin): Plugin {
  return Object.assign(plugin, { [Symbol.for('fastify.display-name')]: plugin.name });
}
