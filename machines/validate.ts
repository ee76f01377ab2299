// The only user of ajv. A schema is compiled once, when its first value comes, and becomes a checker that returns
// findings with JSON pointers and never throws on a value. Only our own schemas come here; a policy file is a value,
// never a schema (reliability P6).
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** What is wrong with a value, and where: a JSON pointer (RFC 6901) into it. */
export interface SchemaFinding {
  readonly pointer: string;
  readonly message: string;
}

export type Checked =
  | { readonly ok: true }
  | { readonly ok: false; readonly findings: readonly SchemaFinding[] };

/** Checks one value against the schema it was made from. */
export type SchemaChecker = (value: unknown) => Checked;

// `ownProperties` keeps inherited names such as `constructor` from counting as present.
const ajv = new Ajv({
  strict: true,
  strictRequired: false,
  allErrors: false,
  ownProperties: true,
  $data: false,
  allowUnionTypes: true,
  discriminator: true,
});

const ok: Checked = { ok: true };

/**
 * Makes a checker of one of our own schemas. It is compiled at its first use: some fifty schemas take half a second and
 * 30 MB, and most processes use few. Compiling throws on a schema that is not strict: that is a bug, and a test
 * compiles every one.
 */
export function schemaChecker(schema: object): SchemaChecker {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    compiled ??= ajv.compile(schema);
    const validate = compiled;
    if (validate(value)) return ok;
    return { ok: false, findings: (validate.errors ?? []).map(finding) };
  };
}

function finding(error: ErrorObject): SchemaFinding {
  const named = error.params['additionalProperty'] ?? error.params['propertyName'];
  const what = named === undefined ? '' : ` (${JSON.stringify(named)})`;
  const allowed = error.params['allowedValues'];
  const choice = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : '';
  return {
    pointer: error.instancePath,
    message: `${error.message ?? error.keyword}${what}${choice}`,
  };
}
