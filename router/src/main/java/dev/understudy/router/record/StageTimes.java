package dev.understudy.router.record;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageHistogram;
import dev.understudy.proto.v1.StageHistograms;
import dev.understudy.router.table.ArmPlan;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import org.jspecify.annotations.Nullable;

/**
 * Where time went, per model, arm and stage: telemetry, not evidence.
 *
 * <p>Every thread that records has histograms of its own, so that a record is a few additions to
 * memory that no other thread writes; whoever cuts flips them without stalling their writer and
 * adds them up, which loses nothing, because histograms of one shape add exactly. Values are kept
 * to two digits and encoded in HdrHistogram's compressed second form. Threads beyond {@value
 * #MOST_LANES} share one set under its lock, so that memory is bounded.
 *
 * <p>Any thread records; one thread cuts.
 */
public final class StageTimes {
  private static final int DIGITS = 2;
  private static final int MOST_LANES = 64;
  private static final int MOST_SERIES = 1024;
  private static final Stage[] STAGES = Stage.values();

  /** A part of a call's life. */
  public enum Stage {
    /** From arrival to the end of the answer. */
    TOTAL(0, "total"),
    /** At the backend, the network included. */
    UPSTREAM(1, "upstream"),
    /** The rest: what the router itself took. */
    ROUTER(2, "router"),
    /** From the headers until the whole message was there. */
    RECEIVE(3, "receive"),
    /** Reading, checking and assigning, until the message is on its way. */
    DECIDE(4, "decide"),
    /** From the backend's answer until the client has been answered. */
    ANSWER(5, "answer");

    private final int index;
    private final String word;

    Stage(int index, String word) {
      this.index = index;
      this.word = word;
    }
  }

  private record Series(String model, Role role, String version) {}

  /** The times of one series on one thread. */
  public static final class Times {
    private final boolean shared;
    private final SingleWriterRecorder[] recorders = new SingleWriterRecorder[STAGES.length];

    private Times(boolean shared) {
      this.shared = shared;
      for (int i = 0; i < recorders.length; i++) {
        recorders[i] = new SingleWriterRecorder(DIGITS);
      }
    }

    /** Records a time; negative ones, which a clock may make up, as 0. */
    public void record(Stage stage, long nanos) {
      if (shared) {
        synchronized (this) {
          recorders[stage.index].recordValue(Math.max(0, nanos));
        }
      } else {
        recorders[stage.index].recordValue(Math.max(0, nanos));
      }
    }
  }

  /** What one thread has recorded; only that thread adds series. */
  private static final class Lane {
    private final boolean shared;
    private final Map<Series, Times> series = new ConcurrentHashMap<>();
    private final @Nullable ArmPlan[] lately = new ArmPlan[4];
    private final @Nullable Times[] theirs = new Times[4];
    private int turn;

    Lane(boolean shared) {
      this.shared = shared;
    }

    @SuppressWarnings("ReferenceEquality") // an arm of another table is another arm
    Times of(String model, ArmPlan arm) {
      if (!shared) {
        for (int i = 0; i < lately.length; i++) {
          Times known = theirs[i];
          if (lately[i] == arm && known != null) {
            return known;
          }
        }
      }
      return looked(model, arm);
    }

    private Times looked(String model, ArmPlan arm) {
      Series key = new Series(model, arm.role(), arm.version());
      Times times = series.get(key);
      if (times == null) {
        if (series.size() >= MOST_SERIES) {
          // More models than anybody looks at: what is too much is told together.
          key = new Series("", arm.role(), "");
        }
        times = series.computeIfAbsent(key, k -> new Times(shared));
      }
      if (!shared) {
        lately[turn] = arm;
        theirs[turn] = times;
        turn = (turn + 1) % lately.length;
      }
      return times;
    }
  }

  private final String instance;
  private final List<Lane> lanes = new CopyOnWriteArrayList<>();
  private final Lane rest = new Lane(true);
  private final ThreadLocal<Lane> mine = ThreadLocal.withInitial(this::newLane);

  /** Times of the router of that name. */
  public StageTimes(String instance) {
    this.instance = instance;
  }

  private Lane newLane() {
    synchronized (lanes) {
      if (lanes.size() >= MOST_LANES || Thread.currentThread().isVirtual()) {
        return rest;
      }
      Lane lane = new Lane(false);
      lanes.add(lane);
      return lane;
    }
  }

  /** Where the calling thread records the times of an arm; for this call only. */
  public Times of(String model, ArmPlan arm) {
    return mine.get().of(model, arm);
  }

  /** All histograms since the last cut that hold values. */
  public StageHistograms cut(long fromUnixMs, long toUnixMs) {
    Map<Series, Histogram[]> sums = new ConcurrentHashMap<>();
    List<Lane> all = new ArrayList<>(lanes);
    all.add(rest);
    for (Lane lane : all) {
      lane.series.forEach((series, times) -> add(sums, series, times));
    }
    StageHistograms.Builder cut =
        StageHistograms.newBuilder()
            .setService("router")
            .setInstance(instance)
            .setFromUnixMs(fromUnixMs)
            .setToUnixMs(toUnixMs);
    sums.forEach((series, histograms) -> {
      for (Stage stage : STAGES) {
        Histogram histogram = histograms[stage.index];
        if (histogram.getTotalCount() > 0) {
          cut.addHistograms(
              StageHistogram.newBuilder()
                  .setModel(series.model())
                  .setRole(series.role())
                  .setVersion(series.version())
                  .setStage(stage.word)
                  .setHdr(encode(histogram)));
        }
      }
    });
    return cut.build();
  }

  private static void add(Map<Series, Histogram[]> sums, Series series, Times times) {
    Histogram[] sum =
        sums.computeIfAbsent(
            series,
            key -> {
              Histogram[] empty = new Histogram[STAGES.length];
              Arrays.setAll(empty, i -> new Histogram(DIGITS));
              return empty;
            });
    for (int i = 0; i < sum.length; i++) {
      sum[i].add(times.recorders[i].getIntervalHistogram());
    }
  }

  private static ByteString encode(Histogram histogram) {
    ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
    int size = histogram.encodeIntoCompressedByteBuffer(buffer);
    return ByteString.copyFrom(Arrays.copyOf(buffer.array(), size));
  }
}
