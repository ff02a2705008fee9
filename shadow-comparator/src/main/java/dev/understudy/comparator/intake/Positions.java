package dev.understudy.comparator.intake;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import dev.understudy.comparator.log.LogFile;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.proto.v1.BlockSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.zip.CRC32C;

/**
 * How far each boot's blocks have been acknowledged, also those that no rollout's log holds. Two
 * files take turns, so that one is always whole; of the two, the one with the higher turn counts.
 */
final class Positions {
  private static final int PREFIX_BYTES = 16;
  private static final int MOST_BYTES = 16 << 20;

  private record Found(long turn, SequencedMap<Boot, Long> positions) {}

  private final Path folder;
  private final LogFiles files;
  private long turn;

  Positions(Path folder, LogFiles files) {
    this.folder = folder;
    this.files = files;
  }

  /**
   * The newest positions that are whole, in the order in which they were stored; none in a new
   * folder.
   */
  SequencedMap<Boot, Long> load() throws IOException {
    Found first = load(0);
    Found second = load(1);
    Found newest = first.turn() > second.turn() ? first : second;
    turn = newest.turn();
    return newest.positions();
  }

  /** Writes positions; they are on the disk when this returns. */
  void store(Map<Boot, Long> positions) throws IOException {
    byte[] body = encode(positions);
    ByteBuffer bytes =
        ByteBuffer.allocate(PREFIX_BYTES + body.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(body.length).putInt(check(turn + 1, body)).putLong(turn + 1).put(body).flip();
    try (LogFile file = files.open(path(turn + 1))) {
      file.write(bytes, 0);
      file.force();
    }
    turn++;
  }

  private static byte[] encode(Map<Boot, Long> positions) throws IOException {
    int size = 0;
    for (Map.Entry<Boot, Long> entry : positions.entrySet()) {
      size += CodedOutputStream.computeMessageSizeNoTag(source(entry));
    }
    byte[] body = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(body);
    for (Map.Entry<Boot, Long> entry : positions.entrySet()) {
      out.writeMessageNoTag(source(entry));
    }
    return body;
  }

  private static BlockSource source(Map.Entry<Boot, Long> entry) {
    return BlockSource.newBuilder()
        .setRouter(entry.getKey().router())
        .setBootId(entry.getKey().bootId())
        .setSequence(entry.getValue())
        .build();
  }

  private Found load(long which) throws IOException {
    Found none = new Found(0, new LinkedHashMap<>());
    try (LogFile file = files.open(path(which))) {
      ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      if (file.read(prefix, 0) < PREFIX_BYTES) {
        return none;
      }
      int length = prefix.getInt(0);
      if (length < 0 || length > MOST_BYTES || length > file.size() - PREFIX_BYTES) {
        return none;
      }
      byte[] body = new byte[length];
      file.read(ByteBuffer.wrap(body), PREFIX_BYTES);
      long found = prefix.getLong(8);
      if (prefix.getInt(4) != check(found, body)) {
        return none; // Cut short by an interruption: the other file is whole.
      }
      LinkedHashMap<Boot, Long> positions = new LinkedHashMap<>();
      CodedInputStream in = CodedInputStream.newInstance(body);
      while (!in.isAtEnd()) {
        BlockSource source = BlockSource.parseFrom(in.readBytes());
        positions.put(Boot.of(source), source.getSequence());
      }
      return new Found(found, positions);
    }
  }

  private Path path(long which) {
    return folder.resolve("positions-" + (which & 1));
  }

  private static int check(long turn, byte[] body) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, turn));
    crc.update(body, 0, body.length);
    return (int) crc.getValue();
  }
}
