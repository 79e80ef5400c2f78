/** The refusals of whoever knocks in a wrong way, in the manner of `codes.ts`. */
export const accessCodes = {
  ambiguous_credentials: {
    http: 400,
    exit: 4,
    why: 'The request shows more than one thing to be let in with.',
    next: 'Send one `Authorization: Bearer` header, or the cookie of the browser alone.',
  },
  token_in_address: {
    http: 400,
    exit: 4,
    why: 'A token stands in the address of the request, where every proxy on the way writes it down.',
    next: 'Send it as `Authorization: Bearer`; give the token a new text with `pawl token rotate <id>`.',
  },
  unsupported_media_type: {
    http: 415,
    exit: 2,
    why: 'The content type of the request is not one that this route takes.',
    next: 'Send JSON as `Content-Type: application/json`.',
  },
  headers_too_large: {
    http: 431,
    exit: 2,
    why: 'The request has more than 100 header lines, or more than 16 KiB of them.',
    next: 'Send fewer and shorter headers.',
  },
  request_too_slow: {
    http: 408,
    exit: 1,
    why: 'The request did not arrive in the time that it may take.',
    next: 'Send it again, at once and whole.',
  },
  malformed_request: {
    http: 400,
    exit: 2,
    why: 'What arrived is not HTTP as RFC 9112 defines it.',
    next: 'Send the request with an HTTP client that keeps to the standard.',
  },
} as const
