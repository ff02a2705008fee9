package dev.understudy.comparator.worker;

import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.comparator.pairs.Measured;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.proto.v1.TallyAck;
import dev.understudy.proto.v1.WorkerTally;
import java.util.Map;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What a worker has measured and the judge has not acknowledged. Numbered within a start of the
 * worker; sent once, and again from the first that was not acknowledged after every interruption.
 * When it is full the oldest goes and is counted: pairs are a sample.
 *
 * <p>All methods may be called by any thread.
 */
final class TallyOutbox implements StreamHandler<WorkerTally, TallyAck> {
  private static final Logger log = Logger.getLogger(TallyOutbox.class.getName());

  private final String worker;
  private final String bootId;
  private final long mostBytes;
  private final Counters counters;
  private final TreeMap<Long, WorkerTally> waiting = new TreeMap<>();
  private long bytes;
  private long next = 1;
  private long sent;
  private @Nullable StreamSender<WorkerTally> stream;

  /**
   * Empty.
   *
   * @param worker name of this worker, different from every other's
   * @param bootId new at every start
   * @param mostBytes that wait
   */
  TallyOutbox(String worker, String bootId, long mostBytes, Counters counters) {
    this.worker = worker;
    this.bootId = bootId;
    this.mostBytes = mostBytes;
    this.counters = counters;
  }

  /** Keeps a tally until it is acknowledged, and sends it when the judge is there. */
  synchronized void add(String rolloutId, Measured measured) {
    WorkerTally tally =
        WorkerTally.newBuilder()
            .setWorker(worker)
            .setBootId(bootId)
            .setSequence(next++)
            .setRolloutId(rolloutId)
            .addAllTallies(measured.tallies())
            .addAllNoise(measured.noise())
            .addAllKept(measured.kept())
            .build();
    waiting.put(tally.getSequence(), tally);
    bytes += tally.getSerializedSize();
    while (bytes > mostBytes && waiting.size() > 1) {
      WorkerTally oldest = waiting.remove(waiting.firstKey());
      bytes -= oldest == null ? 0 : oldest.getSerializedSize();
      counters.increment(Counter.TALLIES_DROPPED);
    }
    send();
  }

  /** Tallies that wait. */
  synchronized int size() {
    return waiting.size();
  }

  private void send() {
    StreamSender<WorkerTally> to = stream;
    while (to != null && to.isReady()) {
      Map.Entry<Long, WorkerTally> entry = waiting.higherEntry(sent);
      if (entry == null || !to.send(entry.getValue())) {
        return;
      }
      sent = entry.getKey();
    }
  }

  @Override
  public synchronized void onConnected(StreamSender<WorkerTally> sender) {
    stream = sender;
    sent = 0;
    send();
  }

  @Override
  public synchronized void onReady(StreamSender<WorkerTally> sender) {
    send();
  }

  @Override
  public synchronized void onMessage(TallyAck ack) {
    if (ack.getBootId().equals(bootId)) {
      var safe = waiting.headMap(ack.getSequence(), true);
      safe.values().forEach(tally -> bytes -= tally.getSerializedSize());
      safe.clear();
    }
  }

  @Override
  public synchronized void onLost(String why) {
    stream = null;
    log.log(Level.INFO, "The stream of tallies to the judge has ended: {0}", why);
  }
}
