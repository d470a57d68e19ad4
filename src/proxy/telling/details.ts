/** How a response came about, in the words of Envoy's `%RESPONSE_CODE_DETAILS%`. */

const BEFORE = 'upstream_reset_before_response_started'
const AFTER = 'upstream_reset_after_response_started'

const DETAILS: Readonly<Record<string, string>> = {
  NR: 'route_not_found',
  NC: 'cluster_not_found',
  UH: 'no_healthy_upstream',
  UF: `${BEFORE}{connection_failure}`,
  UC: `${BEFORE}{connection_termination}`,
  UR: `${BEFORE}{remote_reset}`,
  URX: BEFORE,
  UPE: `${BEFORE}{protocol_error}`,
  UO: `${BEFORE}{overflow}`,
  UT: 'upstream_response_timeout',
  FI: 'fault_filter_abort',
  DC: 'downstream_remote_disconnect',
}

const AFTER_RESPONSE: Readonly<Record<string, string>> = {
  UC: `${AFTER}{connection_termination}`,
  UR: `${AFTER}{remote_reset}`,
  UPE: `${AFTER}{protocol_error}`,
  UT: 'upstream_response_timeout',
  DC: 'downstream_remote_disconnect',
}

const REFUSED: Readonly<Record<number, string>> = {
  400: 'http1.codec_error',
  405: 'http1.codec_error',
  408: 'request_overall_timeout',
  413: 'request_payload_too_large',
  431: 'request_headers_too_large',
}

/** `isFromEndpoint`: its response has begun. */
export function detailsOf(flag: string, status: number, isFromEndpoint: boolean): string {
  if (flag === 'DPE') return REFUSED[status] ?? 'http1.codec_error'
  if (isFromEndpoint) return AFTER_RESPONSE[flag] ?? 'via_upstream'
  return DETAILS[flag] ?? 'direct_response'
}
