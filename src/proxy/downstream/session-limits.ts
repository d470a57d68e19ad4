/** What one HTTP/2 client may make of its connection. The library counts; beyond a limit it ends the stream or the session. */
import type { ServerSessionOptions } from 'node:http2'

import type { ServingHttp } from '../serving/http-policy.ts'

/** What of a request's body may be on its way unread. */
const STREAM_WINDOW_BYTES = 256 * 1024
/** What of all bodies of a session together may be on its way. It bounds their speed, not memory: streams are paused alone. */
export const SESSION_WINDOW_BYTES = 1024 * 1024
/** What a session may hold of streams, unsent frames and header tables; then new streams are refused. In the library's MB. */
const SESSION_MEMORY_MB = 10
/** Streams that a client resets (CVE-2023-44487): so many at once, and so many a second in the long run. */
const RESET_STREAMS_BURST = 1_000
const RESET_STREAMS_PER_SECOND = 100
/** Frames that do not belong where they come. */
const INVALID_FRAMES_MAX = 100
/** Streams that were refused because too many were open. */
const REJECTED_STREAMS_MAX = 100
/** SETTINGS entries in one frame. */
const SETTINGS_MAX = 32
/** PINGs and SETTINGS whose answers wait to be sent. */
const PINGS_UNANSWERED_MAX = 10
/** The library's own bound on what it sends as one head. Larger ones come from endpoints, whose heads have 60 KB at most. */
const SENT_HEAD_BYTES_MAX = 256 * 1024
/** HTTP/1.1 counts lines; here the pseudo fields and each cookie are a field of their own. */
const FIELDS_FACTOR = 2
/** A request that is refused with 431 has to come in first; one that is larger than twice the limit is reset. */
const HEAD_BYTES_FACTOR = 2

export function sessionOptions({ streamsMax, sections }: ServingHttp): ServerSessionOptions {
  return {
    maxSessionMemory: SESSION_MEMORY_MB,
    maxHeaderListPairs: FIELDS_FACTOR * sections.fieldsMax,
    maxOutstandingPings: PINGS_UNANSWERED_MAX,
    maxSendHeaderBlockLength: SENT_HEAD_BYTES_MAX,
    maxSessionInvalidFrames: INVALID_FRAMES_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    maxSettings: SETTINGS_MAX,
    streamResetBurst: RESET_STREAMS_BURST,
    streamResetRate: RESET_STREAMS_PER_SECOND,
    // Fields of endpoints pass as they are, also where there should be one of a name.
    strictSingleValueFields: false,
    settings: {
      enableConnectProtocol: true,
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: streamsMax,
      maxHeaderListSize: HEAD_BYTES_FACTOR * sections.bytesMax,
    },
  }
}
