/**
 * Node definitions of earlier versions, as flows keep them, brought to the present form step by step. The editor does
 * the same when it loads a flow (editor/migrate.ts), so that the next deploy writes it back; hence nothing is imported
 * here, and in the steps types alone.
 */

/** The fields of a node as a flow keeps them. */
export type Definition = Readonly<Record<string, unknown>>;

/**
 * One step. What it is given may be of any version before: it changes what that version lacked or called otherwise,
 * and never what a node does.
 */
export type Migration = (definition: Definition) => Record<string, unknown>;

/** A version that only began to be counted. */
export const unchanged: Migration = (definition) => ({ ...definition });

/** Fill in what is not there, for a step. */
export function withDefaults(definition: Definition, defaults: Definition): Record<string, unknown> {
  const missing = Object.entries(defaults).filter(([field]) => isMissing(definition[field]));
  return { ...definition, ...Object.fromEntries(missing) };
}

const isMissing = (value: unknown): boolean => value === undefined || value === null;

/**
 * A definition in the present form: that of version `steps.length`. One without a version is of the time before there
 * were any; one of a newer version stays as it is.
 * @param steps the first makes version 1 of version 0
 */
export function migrated<D extends Definition>(definition: D, steps: readonly Migration[]): D & { version: number } {
  const from = versionOf(definition);
  const present = steps.slice(from).reduce<Definition>((before, step) => step(before), definition);
  return { ...present, version: Math.max(from, steps.length) } as unknown as D & { version: number };
}

/** @returns 0 where a flow says none that counts */
export function versionOf({ version }: Definition): number {
  return typeof version === "number" && Number.isSafeInteger(version) && version > 0 ? version : 0;
}
