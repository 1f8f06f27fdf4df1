// Completes the generated OpenAPI document. Adds discriminators for unions, and names for their alternatives, because a discriminator can
// only map to named schemas. Removes unused schemas, and `readOnly`, which zod sets for read-only arrays: in OpenAPI it forbids the field
// in requests. For generators of client types, request fields with a default stay optional, and the type of a stream is null. Everything
// is derived from the document, so a new layer needs no change here.

type Json = null | boolean | number | string | Json[] | JsonObject;
type JsonObject = { [key: string]: Json };

const schemasAt = '#/components/schemas/';

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Returns the only value that a schema allows for its property `name`; `undefined` if the property is optional or has no such value. */
function constantOf(schema: JsonObject, name: string): string | undefined {
  const properties = schema['properties'];
  const property = isObject(properties) ? properties[name] : undefined;
  const required = schema['required'];
  if (!isObject(property) || !Array.isArray(required) || !required.includes(name)) return undefined;
  return typeof property['const'] === 'string' ? property['const'] : undefined;
}

class Completion {
  readonly #schemas: JsonObject;

  constructor(schemas: JsonObject) {
    this.#schemas = schemas;
  }

  /** Visits a value of the document. An alternative is named by its constant, then `kind` (such as `Layer`), then `suffix`. */
  visit(value: Json, kind: string, suffix: string): void {
    if (Array.isArray(value)) for (const element of value) this.visit(element, kind, suffix);
    if (!isObject(value)) return;
    for (const [key, child] of Object.entries(value)) {
      if (key === 'properties' && isObject(child))
        for (const [name, schema] of Object.entries(child)) this.visit(schema, capitalized(name), suffix);
      else this.visit(child, key === 'items' ? kind.replace(/s$/, '') : kind, suffix);
    }
    if (Array.isArray(value['oneOf'])) this.#discriminate(value, value['oneOf'], kind + suffix);
  }

  #discriminate(union: JsonObject, alternatives: Json[], kind: string): void {
    const schemas = alternatives.map((alternative) => this.#resolve(alternative));
    const [first] = schemas;
    const properties = first?.['properties'];
    const propertyName = isObject(properties)
      ? Object.keys(properties).find((name) => areDistinct(schemas.map((schema) => constantOf(schema, name))))
      : undefined;
    if (propertyName === undefined) return;
    const mapping: JsonObject = {};
    union['oneOf'] = alternatives.map((alternative, index) => {
      const schema = schemas[index] ?? {};
      const constant = constantOf(schema, propertyName) ?? '';
      const reference =
        isObject(alternative) && typeof alternative['$ref'] === 'string'
          ? alternative['$ref']
          : this.#name(schema, capitalized(constant) + kind);
      mapping[constant] = reference;
      return { $ref: reference };
    });
    union['discriminator'] = { propertyName, mapping };
  }

  #resolve(schema: Json): JsonObject {
    if (!isObject(schema)) return {};
    const reference = schema['$ref'];
    if (typeof reference !== 'string') return schema;
    const target = this.#schemas[reference.slice(schemasAt.length)];
    return isObject(target) ? target : {};
  }

  /** Adds a schema to the components and returns its reference. If another schema has the name `wanted`, a number is added to the name. */
  #name(schema: JsonObject, wanted: string): string {
    let name = wanted;
    for (let count = 2; name in this.#schemas && JSON.stringify(this.#schemas[name]) !== JSON.stringify(schema); count++)
      name = `${wanted}${count}`;
    this.#schemas[name] = schema;
    return schemasAt + name;
  }
}

function areDistinct(constants: (string | undefined)[]): boolean {
  return !constants.includes(undefined) && new Set(constants).size === constants.length;
}

/** Returns the names of the component schemas that a value refers to. */
function references(value: Json, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const element of value) references(element, found);
  if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      if (typeof child === 'string' && (key === '$ref' || child.startsWith(schemasAt))) found.add(child.slice(schemasAt.length));
      else references(child, found);
    }
  }
  return found;
}

/** Returns the schemas that are used: the paths, or other used schemas, refer to them. */
function withoutUnused(schemas: JsonObject, paths: Json): JsonObject {
  const used = references(paths);
  // The set grows during the loop, so that references of references are followed too.
  for (const name of used) references(schemas[name] ?? {}, used);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
}

/** Removes `Input` from the names of schemas, unless a different schema has the name without `Input`. */
function withPlainNames(document: JsonObject, schemas: JsonObject): JsonObject {
  for (const [name, schema] of Object.entries(schemas)) {
    const plain = name.replace(/Input$/, '');
    if (plain === name || (plain in schemas && JSON.stringify(schemas[plain]) !== JSON.stringify(schema))) continue;
    const { [name]: _renamed, ...others } = schemas;
    const renamed = { ...document, components: { ...asObject(document['components']), schemas: { ...others, [plain]: schema } } };
    const text = JSON.stringify(renamed).replaceAll(`"${schemasAt}${name}"`, `"${schemasAt}${plain}"`);
    const next = JSON.parse(text) as JsonObject;
    return withPlainNames(next, asObject(asObject(next['components'])['schemas']));
  }
  return document;
}

/** Removes the schema of request bodies that are bytes. The generator gives them the schema of the route's JSON or form. */
function describeBytes(operation: JsonObject): void {
  const content = asObject(asObject(operation['requestBody'])['content']);
  for (const type of Object.keys(content)) if (type.startsWith('image/') || type === 'application/octet-stream') content[type] = {};
}

/**
 * Moves the default of each optional field of requests into an `allOf` with one element, which means the same. Some generators of types,
 * such as openapi-typescript, make a field with a default required, but not one with an `allOf`.
 */
function withNestedDefaults(schemas: JsonObject, names: ReadonlySet<string>): JsonObject {
  const nested = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(nested);
    if (!isObject(value)) return value;
    const entries = Object.entries(value).map(([key, child]): [string, Json] => {
      if (key !== 'properties' || !isObject(child)) return [key, nested(child)];
      const fields = Object.entries(child).map(([name, field]): [string, Json] => [name, withoutOwnDefault(nested(field))]);
      return [key, Object.fromEntries(fields)];
    });
    return Object.fromEntries(entries);
  };
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, names.has(name) ? nested(schema) : schema]));
}

function withoutOwnDefault(field: Json): Json {
  if (!isObject(field) || !('default' in field)) return field;
  const { description, ...rest } = field;
  return { ...(description !== undefined && { description }), allOf: [rest] };
}

/** Names of the schemas that only requests have. */
function requestSchemas(paths: JsonObject, schemas: JsonObject): ReadonlySet<string> {
  const reached = (part: 'requestBody' | 'responses'): Set<string> => {
    const operations = Object.values(paths).flatMap((path) => Object.values(asObject(path)));
    const names = references(operations.map((operation) => asObject(operation)[part] ?? null));
    // The set grows during the loop, so that references of references are followed too.
    for (const name of names) references(schemas[name] ?? {}, names);
    return names;
  };
  const answered = reached('responses');
  return new Set([...reached('requestBody')].filter((name) => !answered.has(name)));
}

/** Sets the type of event streams to `null`: a stream has no JSON value. So "a page or a stream" gets the type of the page. */
function describeStreams(operation: JsonObject): void {
  for (const response of Object.values(asObject(operation['responses']))) {
    const content = asObject(asObject(response)['content']);
    if ('text/event-stream' in content)
      content['text/event-stream'] = { schema: { ...asObject(asObject(content['text/event-stream'])['schema']), type: 'null' } };
  }
}

/** Returns the document without `readOnly`. zod sets it for values that must not change in memory. In OpenAPI it forbids sending them. */
function withoutReadOnly(document: object): JsonObject {
  return JSON.parse(
    JSON.stringify(document, (key, value: unknown) => (key === 'readOnly' && value === true ? undefined : value)),
  ) as JsonObject;
}

function asObject(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** Returns the completed document of a generated OpenAPI 3.1 document. The argument is not changed. */
export function completeDocument(generated: object): object {
  const document = withoutReadOnly(generated);
  const paths = asObject(document['paths']);
  // Every GET route also answers HEAD. The generator lists HEAD only for routes that declare both methods.
  for (const path of Object.values(paths)) delete asObject(path)['head'];
  for (const path of Object.values(paths)) {
    for (const operation of Object.values(asObject(path))) {
      describeBytes(asObject(operation));
      describeStreams(asObject(operation));
    }
  }
  const schemas = withoutUnused(asObject(asObject(document['components'])['schemas']), paths);
  const completion = new Completion(schemas);
  completion.visit(paths, '', '');
  for (const [name, schema] of Object.entries({ ...schemas }))
    completion.visit(schema, name.replace(/Input$/, ''), /Input$/.exec(name)?.[0] ?? '');
  const completed = withNestedDefaults(schemas, requestSchemas(paths, schemas));
  document['components'] = { ...asObject(document['components']), schemas: completed };
  return withPlainNames(document, completed);
}
