const utf8 = new TextDecoder()

/** The decoder for a Content-Type's charset; UTF-8's where that is absent or unknown. RFC 9110 8.3 */
export function decoderFor(contentType: string | null): typeof utf8 {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(contentType ?? '')?.[1]
  if (charset === undefined) return utf8
  try {
    return new TextDecoder(charset)
  } catch {
    return utf8
  }
}

/** The name of the charset that `decoderFor` decodes. */
export function charsetOf(contentType: string | null): string {
  return decoderFor(contentType).encoding
}
