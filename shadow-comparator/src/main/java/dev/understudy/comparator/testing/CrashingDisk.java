package dev.understudy.comparator.testing;

import com.google.protobuf.ByteString;
import dev.understudy.comparator.log.LogFile;
import dev.understudy.comparator.log.LogFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A disk whose power fails at a chosen operation. What had not been forced then is on it, or not,
 * or in part, as a seed decides; until the power is back every operation fails. Names of files are
 * real and at once durable, contents are in memory. For one thread.
 */
public final class CrashingDisk implements LogFiles {
  /** A change of a file that was not forced. */
  private sealed interface Change {
    /** Bytes at a position. */
    record Write(int position, ByteString bytes) implements Change {}

    /** Another length. */
    record Truncate(int size) implements Change {}
  }

  private static final class Content {
    byte[] durable = {};
    byte[] current = {};
    final List<Change> pending = new ArrayList<>();
  }

  private final Map<Path, Content> contents = new HashMap<>();
  private final Random random;
  private long operations;
  private long crashAt = Long.MAX_VALUE;
  private boolean off;

  /** An empty disk with power. */
  public CrashingDisk(long seed) {
    this.random = new Random(seed);
  }

  /** Changes made so far: opening a new file, writing, cutting, forcing. */
  public long operations() {
    return operations;
  }

  /** Has the power fail at the n-th change from now, 1 for the next. */
  public void crashIn(long changes) {
    crashAt = operations + changes;
  }

  /** Whether the power has failed. */
  public boolean off() {
    return off;
  }

  /** The power is back, for good unless another crash is ordered. */
  public void powerOn() {
    off = false;
    crashAt = Long.MAX_VALUE;
    contents
        .values()
        .forEach(content -> {
          content.current = content.durable.clone();
          content.pending.clear();
        });
  }

  private void change() throws IOException {
    requirePower();
    operations++;
    if (operations == crashAt) {
      off = true;
      contents.values().forEach(this::settle);
      throw new IOException("the power has failed");
    }
  }

  private void requirePower() throws IOException {
    if (off) {
      throw new IOException("the power is off");
    }
  }

  private void settle(Content content) {
    for (Change change : content.pending) {
      int luck = random.nextInt(4);
      if (luck < 2) {
        content.durable = applied(content.durable, change);
      } else if (luck == 2 && change instanceof Change.Write write && !write.bytes().isEmpty()) {
        int part = random.nextInt(write.bytes().size());
        content.durable =
            applied(
                content.durable,
                new Change.Write(write.position(), write.bytes().substring(0, part)));
      }
    }
  }

  private static byte[] applied(byte[] bytes, Change change) {
    return switch (change) {
      case Change.Write write -> {
        int end = write.position() + write.bytes().size();
        byte[] next = Arrays.copyOf(bytes, Math.max(bytes.length, end));
        write.bytes().copyTo(next, write.position());
        yield next;
      }
      case Change.Truncate truncate ->
          Arrays.copyOf(bytes, Math.min(bytes.length, truncate.size()));
    };
  }

  @Override
  public LogFile open(Path path) throws IOException {
    requirePower();
    Content known = contents.get(path);
    if (known == null) {
      change();
      if (!Files.exists(path)) {
        Files.createFile(path);
      }
      known = new Content();
      contents.put(path, known);
    }
    Content content = known;
    return new LogFile() {
      @Override
      public long size() throws IOException {
        requirePower();
        return content.current.length;
      }

      @Override
      public int read(ByteBuffer into, long position) throws IOException {
        requirePower();
        int count = (int) Math.clamp(content.current.length - position, 0L, into.remaining());
        into.put(content.current, (int) position, count);
        return count;
      }

      @Override
      public void write(ByteBuffer from, long position) throws IOException {
        make(new Change.Write((int) position, ByteString.copyFrom(from)));
      }

      @Override
      public void truncate(long size) throws IOException {
        make(new Change.Truncate((int) size));
      }

      private void make(Change change) throws IOException {
        requirePower();
        content.pending.add(change);
        change();
        content.current = applied(content.current, change);
      }

      @Override
      public void force() throws IOException {
        change();
        content.durable = content.current.clone();
        content.pending.clear();
      }

      @Override
      public void close() {
        // Nothing is held.
      }
    };
  }
}
