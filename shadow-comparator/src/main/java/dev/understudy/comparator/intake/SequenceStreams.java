package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the senders of numbered messages are owed: acknowledgements and room. Everything that came
 * before a successful write is safe after it. Not thread-safe.
 */
final class SequenceStreams {
  private static final class Stream {
    long highest;
    boolean news;
    int owed;
    boolean ended;
  }

  private final Map<SequenceSender, Stream> streams = new LinkedHashMap<>();

  void opened(SequenceSender sender) {
    streams.put(sender, new Stream());
  }

  /** Notes a message; false when the stream has ended while it was on its way. */
  boolean received(SequenceSender sender, long sequence) {
    Stream stream = streams.get(sender);
    if (stream == null) {
      return false;
    }
    stream.owed++;
    stream.highest = Math.max(stream.highest, sequence);
    stream.news = true;
    return true;
  }

  void ended(SequenceSender sender) {
    Stream stream = streams.get(sender);
    if (stream != null) {
      stream.ended = true;
    }
  }

  void closed(SequenceSender sender) {
    streams.remove(sender);
  }

  /** Everything that was received is on the disk. */
  void acknowledge() {
    for (Map.Entry<SequenceSender, Stream> entry : List.copyOf(streams.entrySet())) {
      SequenceSender sender = entry.getKey();
      Stream stream = entry.getValue();
      if (stream.news) {
        stream.news = false;
        sender.acknowledge(stream.highest);
      }
      if (stream.owed > 0) {
        sender.request(stream.owed);
        stream.owed = 0;
      }
      if (stream.ended) {
        streams.remove(sender);
        sender.complete();
      }
    }
  }

  /** Ends one stream. */
  void fail(SequenceSender sender, Fault fault) {
    streams.remove(sender);
    sender.fail(fault);
  }

  /** Ends all streams. */
  void failAll(Fault fault) {
    List<SequenceSender> senders = List.copyOf(streams.keySet());
    streams.clear();
    senders.forEach(sender -> sender.fail(fault));
  }
}
