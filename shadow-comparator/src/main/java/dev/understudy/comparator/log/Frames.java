package dev.understudy.comparator.log;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import dev.understudy.proto.v1.EvidenceLogRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a segment: eight bytes {@code UNDEVL01}, then frames. A frame is
 *
 * <pre>
 * length   int32, little-endian: bytes of the payload, 1 to 64 MiB
 * check    int32, little-endian: CRC-32C of length and payload
 * payload  the records of one append, each with its size before it as a varint
 * </pre>
 *
 * <p>One append is one frame, so an append is in the log wholly or not at all. A frame that is cut
 * short or does not match its check is a <em>torn tail</em>, the trace of a write that was never
 * acknowledged, when no sound frame follows it; otherwise the file is damaged.
 */
final class Frames {
  static final int HEADER_BYTES = 8;
  static final int PREFIX_BYTES = 8;
  static final int MAX_PAYLOAD_BYTES = 64 << 20;
  private static final byte[] MAGIC = "UNDEVL01".getBytes(StandardCharsets.US_ASCII);

  /**
   * What a scan found.
   *
   * @param goodBytes length of the sound part, header included
   * @param tornBytes bytes after it, to be cut
   */
  record Scan(long goodBytes, long tornBytes) {}

  private Frames() {}

  static ByteBuffer header() {
    return ByteBuffer.wrap(MAGIC.clone());
  }

  /**
   * One frame that holds the records.
   *
   * @throws IllegalArgumentException when they are more than 64 MiB, or none
   */
  static ByteBuffer encode(List<EvidenceLogRecord> records) throws IOException {
    long length = 0;
    for (EvidenceLogRecord record : records) {
      length += CodedOutputStream.computeMessageSizeNoTag(record);
    }
    if (length < 1 || length > MAX_PAYLOAD_BYTES) {
      throw new IllegalArgumentException(
          "bytes of an append: " + length + " (expected: 1 to " + MAX_PAYLOAD_BYTES + ")");
    }
    ByteBuffer frame =
        ByteBuffer.allocate(PREFIX_BYTES + (int) length).order(ByteOrder.LITTLE_ENDIAN);
    CodedOutputStream out =
        CodedOutputStream.newInstance(frame.array(), PREFIX_BYTES, (int) length);
    for (EvidenceLogRecord record : records) {
      out.writeMessageNoTag(record);
    }
    frame.putInt(0, (int) length);
    frame.putInt(4, check((int) length, frame.array(), PREFIX_BYTES));
    return frame;
  }

  /**
   * Reads a segment and hands out its records in order.
   *
   * @param limit bytes to look at, from the start of the file
   * @throws DamagedLogException when something is wrong that a torn write does not explain
   */
  static Scan scan(String name, LogFile file, long limit, Consumer<EvidenceLogRecord> records)
      throws IOException {
    ByteBuffer header = ByteBuffer.allocate((int) Math.min(HEADER_BYTES, limit));
    file.read(header, 0);
    byte[] found = header.array();
    for (int i = 0; i < found.length; i++) {
      if (found[i] != MAGIC[i]) {
        throw new DamagedLogException(name, 0, "does not begin as an evidence log");
      }
    }
    if (found.length < HEADER_BYTES) {
      return new Scan(0, limit);
    }
    long at = HEADER_BYTES;
    while (at < limit) {
      byte @Nullable [] payload = frameAt(file, at, limit);
      if (payload == null) {
        long next = claimedEnd(file, at, limit);
        if (next < limit && frameAt(file, next, limit) != null) {
          throw new DamagedLogException(
              name, at, "does not match its check, and sound records follow");
        }
        return new Scan(at, limit - at);
      }
      for (EvidenceLogRecord record : parse(name, at, payload)) {
        records.accept(record);
      }
      at += PREFIX_BYTES + payload.length;
    }
    return new Scan(at, 0);
  }

  private static List<EvidenceLogRecord> parse(String name, long at, byte[] payload)
      throws DamagedLogException {
    List<EvidenceLogRecord> records = new ArrayList<>();
    try {
      CodedInputStream in = CodedInputStream.newInstance(payload);
      while (!in.isAtEnd()) {
        records.add(EvidenceLogRecord.parser().parseFrom(in.readBytes()));
      }
    } catch (IOException e) {
      throw new DamagedLogException(name, at, "holds no record: " + e.getMessage());
    }
    return records;
  }

  private static byte @Nullable [] frameAt(LogFile file, long at, long limit) throws IOException {
    long end = claimedEnd(file, at, limit);
    if (end > limit || end <= at + PREFIX_BYTES) {
      return null;
    }
    ByteBuffer frame = ByteBuffer.allocate((int) (end - at)).order(ByteOrder.LITTLE_ENDIAN);
    if (file.read(frame, at) < end - at) {
      return null;
    }
    int length = frame.getInt(0);
    if (frame.getInt(4) != check(length, frame.array(), PREFIX_BYTES)) {
      return null;
    }
    byte[] payload = new byte[length];
    frame.get(PREFIX_BYTES, payload);
    return payload;
  }

  /** Where a frame says that it ends; beyond the limit when it cannot be a frame. */
  private static long claimedEnd(LogFile file, long at, long limit) throws IOException {
    if (limit - at < PREFIX_BYTES) {
      return Long.MAX_VALUE;
    }
    ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    file.read(prefix, at);
    int length = prefix.getInt(0);
    return length < 1 || length > MAX_PAYLOAD_BYTES ? Long.MAX_VALUE : at + PREFIX_BYTES + length;
  }

  private static int check(int length, byte[] bytes, int offset) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(0, length));
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }
}
