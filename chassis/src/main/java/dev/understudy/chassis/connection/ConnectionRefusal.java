package dev.understudy.chassis.connection;

import java.util.Locale;

/** Why a connection, or one stream of it, was ended by this side. */
public enum ConnectionRefusal {
  /** More connections than the server takes. */
  TOO_MANY_CONNECTIONS,
  /** More connections than one address may have. */
  TOO_MANY_FROM_ADDRESS,
  /** No TLS handshake, preface and SETTINGS in time. */
  HANDSHAKE_TIMEOUT,
  /** The first bytes are not HTTP/2. */
  BAD_PREFACE,
  /** Calls are opened and reset faster than they are worth (CVE-2023-44487). */
  RAPID_RESET,
  /** PING out of proportion (CVE-2019-9512). */
  PING_FLOOD,
  /** SETTINGS out of proportion (CVE-2019-9515). */
  SETTINGS_FLOOD,
  /** WINDOW_UPDATE out of proportion, mostly of few bytes (CVE-2019-9511). */
  WINDOW_UPDATE_FLOOD,
  /** DATA without data (CVE-2019-9518). */
  EMPTY_DATA_FLOOD,
  /** Header blocks in very many pieces (CVE-2024-27316 and its kin). */
  CONTINUATION_FLOOD,
  /** PRIORITY out of proportion (CVE-2019-9513). */
  PRIORITY_FLOOD,
  /** Frames of types that HTTP/2 does not know, or that clients do not send. */
  UNKNOWN_FRAME_FLOOD,
  /** More calls a second than one connection may begin or reset; it is not read for its rest. */
  CALL_RATE,
  /** Too many bytes of messages of which the end does not come: a stream, or the connection. */
  UNFINISHED_BYTES,
  /** A stream whose answer is not taken. */
  SLOW_READER,
  /** A stream whose request does not get on. */
  SLOW_WRITER,
  /** A stream of requests on which nothing happens. */
  IDLE_STREAM,
  /** The peer did not answer a keepalive PING. */
  SILENT_PEER,
  /** HTTP/2 itself was broken: frame sizes, windows, states, header compression. */
  PROTOCOL_ERROR;

  private final String label = name().toLowerCase(Locale.ROOT);

  /** The value of the metric's label. */
  public String label() {
    return label;
  }
}
