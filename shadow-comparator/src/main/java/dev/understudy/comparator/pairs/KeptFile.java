package dev.understudy.comparator.pairs;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import dev.understudy.proto.v1.KeptPair;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The file of one rollout's kept pairs, replaced as a whole: int64 CRC-32C, then each pair with its
 * size before it.
 */
final class KeptFile {
  private static final String NAME = "kept-pairs";
  private static final int PREFIX_BYTES = 8;
  private static final long MOST_BYTES = 128L << 20;

  private KeptFile() {}

  /**
   * Reads the pairs; none when there is no file.
   *
   * @throws IOException also when the file is not what was written
   */
  static List<KeptPair> read(Path folder) throws IOException {
    Path file = folder.resolve(NAME);
    if (!Files.exists(file)) {
      return List.of();
    }
    long size = Files.size(file);
    if (size < PREFIX_BYTES || size > MOST_BYTES) {
      throw new IOException(
          file + ": " + size + " bytes (expected: " + PREFIX_BYTES + " to " + MOST_BYTES + ")");
    }
    byte[] bytes = Files.readAllBytes(file);
    if (ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong() != check(bytes)) {
      throw new IOException(file + ": does not match its check");
    }
    List<KeptPair> pairs = new ArrayList<>();
    CodedInputStream in =
        CodedInputStream.newInstance(bytes, PREFIX_BYTES, bytes.length - PREFIX_BYTES);
    while (!in.isAtEnd()) {
      pairs.add(KeptPair.parseFrom(in.readBytes()));
    }
    return pairs;
  }

  /** Replaces the file; a reader finds the old one or the new one. */
  static void write(Path folder, List<KeptPair> pairs) throws IOException {
    int size = PREFIX_BYTES;
    for (KeptPair pair : pairs) {
      size += CodedOutputStream.computeMessageSizeNoTag(pair);
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes, PREFIX_BYTES, size - PREFIX_BYTES);
    for (KeptPair pair : pairs) {
      out.writeMessageNoTag(pair);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(0, check(bytes));
    Path draft = folder.resolve(NAME + ".draft");
    try (FileChannel channel =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(false);
    }
    Files.move(
        draft,
        folder.resolve(NAME),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  private static long check(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, PREFIX_BYTES, bytes.length - PREFIX_BYTES);
    return crc.getValue();
  }
}
