package dev.understudy.loadtest.wire;

import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Reads the header blocks of one connection. A block that consists of table indexes alone leaves
 * the table as it is, so what it means is remembered until a block changes the table; with most
 * servers that is every answer after the first.
 */
final class ResponseHeaders {
  static final int MAX_LIST_BYTES = 65_536;

  private static final int REMEMBERED = 4;

  private final DefaultHttp2HeadersDecoder decoder =
      new DefaultHttp2HeadersDecoder(false, MAX_LIST_BYTES);
  private final long[] keys = new long[REMEMBERED];
  private final int[] https = new int[REMEMBERED];
  private final int[] grpcs = new int[REMEMBERED];
  private int remembered;
  private int next;

  /** What the last block said: {@code :status}, 0 if none. */
  int httpStatus;

  /** {@code grpc-status}, −1 if none. */
  int grpcStatus;

  /** {@code grpc-message}, empty if none. */
  String message = "";

  /** Reads a whole block, which is consumed. */
  void read(int streamId, ByteBuf block) throws Http2Exception {
    long key = indexesAlone(block);
    if (key != 0) {
      for (int i = 0; i < remembered; i++) {
        if (keys[i] == key) {
          httpStatus = https[i];
          grpcStatus = grpcs[i];
          message = "";
          return;
        }
      }
    }
    Http2Headers headers = decoder.decodeHeaders(streamId, block);
    httpStatus = number(headers.status(), 0);
    grpcStatus = number(headers.get("grpc-status"), -1);
    CharSequence text = headers.get("grpc-message");
    message = text == null ? "" : decoded(text.toString());
    if (key == 0) {
      remembered = 0;
      next = 0;
    } else if (message.isEmpty()) {
      keys[next] = key;
      https[next] = httpStatus;
      grpcs[next] = grpcStatus;
      next = (next + 1) % REMEMBERED;
      remembered = Math.min(remembered + 1, REMEMBERED);
    }
  }

  /** Up to eight one-byte indexes as a number; 0 for any other block. */
  private static long indexesAlone(ByteBuf block) {
    int length = block.readableBytes();
    if (length > 8) {
      return 0;
    }
    long key = 0;
    for (int i = 0; i < length; i++) {
      int octet = block.getUnsignedByte(block.readerIndex() + i);
      if (octet <= 0x80 || octet == 0xff) {
        return 0;
      }
      key = (key << 8) | octet;
    }
    return key;
  }

  private static int number(@Nullable CharSequence text, int otherwise) {
    if (text == null || text.isEmpty() || text.length() > 3) {
      return otherwise;
    }
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      int digit = text.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return otherwise;
      }
      value = 10 * value + digit;
    }
    return value;
  }

  /** The message is percent-encoded; one that is not properly so is shown as it came. */
  private static String decoded(String text) {
    if (text.indexOf('%') < 0) {
      return text;
    }
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return text;
    }
  }

  /** What an answer without {@code grpc-status} means, as gRPC's mapping of HTTP statuses says. */
  static Status.Code fromHttp(int status) {
    return switch (status) {
      case 400 -> Status.Code.INTERNAL;
      case 401 -> Status.Code.UNAUTHENTICATED;
      case 403 -> Status.Code.PERMISSION_DENIED;
      case 404 -> Status.Code.UNIMPLEMENTED;
      case 429, 502, 503, 504 -> Status.Code.UNAVAILABLE;
      default -> Status.Code.UNKNOWN;
    };
  }
}
