package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.BlockAck;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What routers are owed: acknowledgements by boot, and room for more blocks. Not thread-safe. */
final class BlockStreams {
  private static final class Stream {
    final Map<Boot, Long> highest = new HashMap<>();
    final Map<Boot, Long> told = new HashMap<>();
    int owed;
    boolean ended;
  }

  private final Map<BlockSender, Stream> streams = new LinkedHashMap<>();

  void opened(BlockSender sender) {
    streams.put(sender, new Stream());
  }

  /** Notes a block; false when the stream has ended while it was on its way. */
  boolean received(BlockSender sender, Boot boot, long sequence) {
    Stream stream = streams.get(sender);
    if (stream == null) {
      return false;
    }
    stream.owed++;
    stream.highest.merge(boot, sequence, Math::max);
    stream.told.putIfAbsent(boot, -1L);
    return true;
  }

  void ended(BlockSender sender) {
    Stream stream = streams.get(sender);
    if (stream != null) {
      stream.ended = true;
    }
  }

  void closed(BlockSender sender) {
    streams.remove(sender);
  }

  /**
   * Tells every router how far its blocks are safe.
   *
   * @param acknowledged by boot
   * @param room whether more blocks may come
   */
  void acknowledge(Map<Boot, Long> acknowledged, boolean room) {
    for (Map.Entry<BlockSender, Stream> entry : List.copyOf(streams.entrySet())) {
      acknowledge(entry.getKey(), entry.getValue(), acknowledged, room);
    }
  }

  private void acknowledge(
      BlockSender sender, Stream stream, Map<Boot, Long> acknowledged, boolean room) {
    boolean allSafe = true;
    for (Map.Entry<Boot, Long> entry : stream.highest.entrySet()) {
      Boot boot = entry.getKey();
      long through = acknowledged.getOrDefault(boot, 0L);
      if (through > 0 && through > stream.told.getOrDefault(boot, -1L)) {
        stream.told.put(boot, through);
        sender.acknowledge(
            BlockAck.newBuilder().setBootId(boot.bootId()).setSequence(through).build());
      }
      allSafe &= through >= entry.getValue();
    }
    if (stream.owed > 0 && room) {
      sender.request(stream.owed);
      stream.owed = 0;
    }
    if (stream.ended && allSafe) {
      streams.remove(sender);
      sender.complete();
    }
  }

  /** Ends one stream. */
  void fail(BlockSender sender, Fault fault) {
    streams.remove(sender);
    sender.fail(fault);
  }

  /** Ends all streams. */
  void failAll(Fault fault) {
    List<BlockSender> senders = List.copyOf(streams.keySet());
    streams.clear();
    senders.forEach(sender -> sender.fail(fault));
  }
}
