/** A pattern too long for a line: its parts, one right after another, with the flags of the first. */
export function pattern(first: RegExp, ...more: readonly RegExp[]): RegExp {
  return new RegExp([first, ...more].map(({ source }) => source).join(""), first.flags);
}
