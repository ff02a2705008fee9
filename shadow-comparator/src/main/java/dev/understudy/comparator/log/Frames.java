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
 * acknowledged, when it could be one: it is no longer than a frame can be, and no sound frame
 * begins anywhere in it. Otherwise the file is damaged. Looking at every byte matters where the
 * damage is in a length: what follows can then not be found by stepping from frame to frame, and
 * must not be taken for a tail and cut.
 */
final class Frames {
  static final int HEADER_BYTES = 8;
  static final int PREFIX_BYTES = 8;
  static final int MAX_PAYLOAD_BYTES = 64 << 20;
  // Every record begins with its sequence: field 1, a varint.
  private static final int FIRST_TAG = 1 << 3;
  private static final byte[] MAGIC = "UNDEVL01".getBytes(StandardCharsets.US_ASCII);

  /**
   * What a scan found.
   *
   * @param goodBytes length of the sound part, header included
   * @param tornBytes bytes after it, to be cut
   */
  record Scan(long goodBytes, long tornBytes) {}

  /** Takes records, and may find one impossible. */
  @FunctionalInterface
  interface Reader {
    /** Takes the next record; what is wrong with it, or null. */
    @Nullable String accept(EvidenceLogRecord record);
  }

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
    return read(
        name,
        file,
        limit,
        record -> {
          records.accept(record);
          return null;
        });
  }

  /** As {@link #scan}, also where the reader finds a record impossible. */
  static Scan read(String name, LogFile file, long limit, Reader reader) throws IOException {
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
        if (limit - at > PREFIX_BYTES + MAX_PAYLOAD_BYTES) {
          throw new DamagedLogException(
              name, at, "does not match its check, and more follows than one write can leave");
        }
        if (soundFrameAfter(file, at, limit)) {
          throw new DamagedLogException(
              name, at, "does not match its check, and sound records follow");
        }
        return new Scan(at, limit - at);
      }
      for (EvidenceLogRecord record : parse(name, at, payload)) {
        String problem = reader.accept(record);
        if (problem != null) {
          throw new DamagedLogException(name, at, problem);
        }
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

  /** Whether a sound frame begins at any byte after {@code at}. */
  private static boolean soundFrameAfter(LogFile file, long at, long limit) throws IOException {
    byte[] rest = new byte[(int) (limit - at)];
    int read = file.read(ByteBuffer.wrap(rest), at);
    ByteBuffer bytes = ByteBuffer.wrap(rest).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 1; i < read - PREFIX_BYTES; i++) {
      int length = bytes.getInt(i);
      if (length >= 1
          && length <= read - i - PREFIX_BYTES
          && mayBeRecords(rest, i + PREFIX_BYTES, length)
          && bytes.getInt(i + 4) == check(length, rest, i + PREFIX_BYTES)) {
        return true;
      }
    }
    return false;
  }

  /** Spares the check of most bytes that are no frame: a size that fits, then a sequence. */
  private static boolean mayBeRecords(byte[] bytes, int offset, int length) {
    long size = 0;
    for (int i = 0; i < Math.min(5, length - 1); i++) {
      byte b = bytes[offset + i];
      size |= (long) (b & 0x7f) << (7 * i);
      if (b >= 0) {
        return size <= length - i - 1 && bytes[offset + i + 1] == FIRST_TAG;
      }
    }
    return false;
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
