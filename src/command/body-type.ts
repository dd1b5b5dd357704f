const TEXT =
  /^(?:text\/|application\/(?:[\w.+-]*[.+-])?(?:json|xml|javascript|ecmascript|yaml|toml|graphql|sql|x-www-form-urlencoded|x-ndjson|x-sh|jsonl|json-seq)\b|image\/svg|message\/|multipart\/)/i

/** What a body is good for on a terminal. */
export type BodyType = 'json' | 'text' | 'binary'

/** By its media type; where there is none, by its first bytes: text has no NUL. */
export function bodyType(contentType: string | null, first: Uint8Array): BodyType {
  const type = (contentType ?? '').split(';')[0]!.trim()
  if (/^(?:application|text)\/(?:[\w.+-]*\+)?json$/i.test(type)) return 'json'
  if (TEXT.test(type)) return 'text'
  return type === '' && !first.includes(0) ? 'text' : 'binary'
}
