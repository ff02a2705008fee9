package dev.understudy.router.record;

import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Serialized records in the order in which each thread made them, packed into chunks. As objects,
 * the records of the last tenth of a second were most of what a garbage collection found alive;
 * packed, they are a handful of arrays without a reference in them.
 *
 * <p>Each thread fills a chunk of its own. A chunk is handed on when it is full, or when somebody
 * takes what there is; the two meet at a flag, and whoever fills never waits for whoever takes: a
 * record that comes at that moment travels in a chunk of its own. Not bounded by itself; whoever
 * appends has reserved the place.
 *
 * <p>Any thread appends; one thread takes.
 */
final class RecordLanes {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int CHUNK_RECORDS = 512;
  private static final int MOST_LANES = 64;

  /** Records one after the other, each behind its tag and length. */
  static final class Chunk {
    private final byte[] bytes;
    private int size;
    private int count;

    private Chunk(int capacity) {
      bytes = new byte[capacity];
    }

    int size() {
      return size;
    }

    int count() {
      return count;
    }

    void copyTo(byte[] target, int offset) {
      System.arraycopy(bytes, 0, target, offset, size);
    }

    private boolean add(byte tag, byte[] record, int length) {
      if (count == CHUNK_RECORDS || size + length + 6 > bytes.length) {
        return false;
      }
      bytes[size++] = tag;
      int rest = length;
      while (rest > 0x7f) {
        bytes[size++] = (byte) (rest | 0x80);
        rest >>>= 7;
      }
      bytes[size++] = (byte) rest;
      System.arraycopy(record, 0, bytes, size, length);
      size += length;
      count++;
      return true;
    }
  }

  private static final class Lane {
    private final AtomicBoolean busy = new AtomicBoolean();
    private @Nullable Chunk open;
  }

  private final byte tag;
  private final ConcurrentLinkedQueue<Chunk> full = new ConcurrentLinkedQueue<>();
  private final List<Lane> lanes = new CopyOnWriteArrayList<>();
  private final Lane rest = new Lane();
  private final ThreadLocal<Lane> mine = ThreadLocal.withInitial(this::newLane);

  /**
   * No records yet.
   *
   * @param field the number, 1 to 15, of the repeated field that holds the records
   */
  RecordLanes(int field) {
    tag = (byte) (field << 3 | 2);
    lanes.add(rest);
  }

  private Lane newLane() {
    synchronized (lanes) {
      if (lanes.size() > MOST_LANES || Thread.currentThread().isVirtual()) {
        return rest;
      }
      Lane lane = new Lane();
      lanes.add(lane);
      return lane;
    }
  }

  /** Adds a record, which is copied. */
  void append(byte[] record, int length) {
    Lane lane = mine.get();
    if (!lane.busy.compareAndSet(false, true)) {
      full.add(alone(record, length));
      return;
    }
    try {
      Chunk chunk = lane.open;
      if (chunk == null || !chunk.add(tag, record, length)) {
        if (chunk != null) {
          full.add(chunk);
        }
        if (length + 6 > CHUNK_BYTES) {
          lane.open = null;
          full.add(alone(record, length));
          return;
        }
        Chunk fresh = new Chunk(CHUNK_BYTES);
        lane.open = fresh;
        fresh.add(tag, record, length);
      }
    } finally {
      lane.busy.set(false);
    }
  }

  private Chunk alone(byte[] record, int length) {
    Chunk chunk = new Chunk(length + 6);
    chunk.add(tag, record, length);
    return chunk;
  }

  /** The next chunk that holds anything; null when there is none. */
  @Nullable Chunk take() {
    Chunk chunk = full.poll();
    if (chunk != null) {
      return chunk;
    }
    for (Lane lane : lanes) {
      // A lane that is being filled this moment has its turn at the next look.
      if (lane.busy.compareAndSet(false, true)) {
        chunk = lane.open;
        lane.open = null;
        lane.busy.set(false);
        if (chunk != null) {
          return chunk;
        }
      }
    }
    return full.poll();
  }
}
