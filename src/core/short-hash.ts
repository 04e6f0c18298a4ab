/**
 * 64 bits of a text by FNV-1a, as 16 hex digits: to tell the folders of one user apart, no secret. SHA-256 of
 * node:crypto did the same for a tenth of what `tw-run ps` takes, since Node loads that module when it is used.
 */
export function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (let at = 0; at < text.length; at += 1)
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
