package dev.understudy.loadtest.wire;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * The header blocks of requests (HPACK, RFC 7541), encoded once per target. As an ordinary client
 * does, the first block of a connection adds its fields to the peer's dynamic table and later ones
 * name them by index; a token is a literal that is never indexed. A peer whose table is smaller
 * than the standard 4,096 bytes gets literals.
 */
final class RequestHeaders {
  static final String PATH = "/inference.GRPCInferenceService/ModelInfer";

  private static final int TABLE_BYTES = 4_096;
  private static final int FIELD_OVERHEAD = 32;
  private static final int FIRST_DYNAMIC = 62;

  /** Names in the static table. */
  private static final int AUTHORITY = 1;

  private static final int METHOD_POST = 3;
  private static final int PATH_NAME = 4;
  private static final int SCHEME_HTTP = 6;
  private static final int SCHEME_HTTPS = 7;
  private static final int AUTHORIZATION = 23;
  private static final int CONTENT_TYPE = 31;
  private static final int USER_AGENT = 58;

  /** Literal forms: with incremental indexing, without, and never indexed. */
  private static final int INDEXING = 0x40;

  private static final int PLAIN = 0x00;
  private static final int NEVER = 0x10;

  /** A field of the table: index of its name in the static table, or 0 and the name itself. */
  private record Field(int nameIndex, String name, String value) {
    int tableBytes() {
      return FIELD_OVERHEAD + 32 + name.length() + value.length();
    }
  }

  private final byte[] first;
  private final byte[] later;
  private final byte[] plain;
  private final byte[][] tokens;
  private final boolean fits;

  RequestHeaders(String authority, boolean tls, Duration timeout, List<String> bearerTokens) {
    List<Field> fields =
        List.of(
            new Field(PATH_NAME, "", PATH),
            new Field(AUTHORITY, "", authority),
            new Field(0, "te", "trailers"),
            new Field(CONTENT_TYPE, "", "application/grpc"),
            new Field(USER_AGENT, "", "understudy-loadtest"),
            new Field(0, "grpc-timeout", timeout(timeout)));
    fits = fields.stream().mapToInt(Field::tableBytes).sum() <= TABLE_BYTES;
    int scheme = tls ? SCHEME_HTTPS : SCHEME_HTTP;
    first = block(scheme, fields, INDEXING);
    plain = block(scheme, fields, PLAIN);
    ByteArrayOutputStream indexed = new ByteArrayOutputStream();
    integer(indexed, 0x80, 7, METHOD_POST);
    integer(indexed, 0x80, 7, scheme);
    for (int i = 0; i < fields.size(); i++) {
      integer(indexed, 0x80, 7, FIRST_DYNAMIC + fields.size() - 1 - i);
    }
    later = indexed.toByteArray();
    tokens = new byte[bearerTokens.size()][];
    for (int i = 0; i < tokens.length; i++) {
      ByteArrayOutputStream token = new ByteArrayOutputStream();
      if (!bearerTokens.get(i).isEmpty()) {
        integer(token, NEVER, 4, AUTHORIZATION);
        text(token, "Bearer " + bearerTokens.get(i));
      }
      tokens[i] = token.toByteArray();
    }
  }

  /**
   * Appends a block.
   *
   * @param isFirst whether it is the connection's first
   * @param peerTable the table size that the peer has announced
   */
  void write(ByteBuf out, int principal, boolean isFirst, long peerTable) {
    if (fits && peerTable >= TABLE_BYTES) {
      out.writeBytes(isFirst ? first : later);
    } else {
      if (isFirst && peerTable < TABLE_BYTES) {
        out.writeByte(0x20); // The encoder's table has size 0 from now on.
      }
      out.writeBytes(plain);
    }
    out.writeBytes(tokens[principal]);
  }

  private static byte[] block(int scheme, List<Field> fields, int form) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    integer(out, 0x80, 7, METHOD_POST);
    integer(out, 0x80, 7, scheme);
    for (Field field : fields) {
      integer(out, form, form == INDEXING ? 6 : 4, field.nameIndex());
      if (field.nameIndex() == 0) {
        text(out, field.name());
      }
      text(out, field.value());
    }
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.ISO_8859_1);
    integer(out, 0, 7, bytes.length);
    out.writeBytes(bytes);
  }

  /** RFC 7541, 5.1. */
  private static void integer(ByteArrayOutputStream out, int prefix, int bits, int value) {
    int limit = (1 << bits) - 1;
    if (value < limit) {
      out.write(prefix | value);
      return;
    }
    out.write(prefix | limit);
    int rest = value - limit;
    while (rest >= 0x80) {
      out.write((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
  }

  /** At most eight digits and a unit, rounded up: the finest unit that fits. */
  static String timeout(Duration timeout) {
    long nanos = timeout.toNanos();
    long[] units = {1, 1_000, 1_000_000, 1_000_000_000};
    String names = "num" + "S";
    for (int i = 0; i < units.length; i++) {
      long count = Math.ceilDiv(nanos, units[i]);
      if (count < 100_000_000) {
        return count + names.substring(i, i + 1);
      }
    }
    return "99999999S";
  }
}
