package dev.understudy.loadtest.bench;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.admission.LimitSettings;
import dev.understudy.router.admission.Method;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.overload.ClassShares;
import dev.understudy.router.overload.GradientLimit;
import dev.understudy.router.overload.GradientSettings;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What admission costs an admitted call of 1 KB, from its headers to the release of its place: with
 * nothing configured, and with quotas in requests and bytes, per principal and per model, classes
 * and the forecast of deadlines; and what a backend's limit costs beside that.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class AdmissionBenchmark {
  private static final String EVERYTHING =
      """
      requestsPerSecond: 1000000
      bytesPerSecond: 1000GiB
      models: {fraud: {requestsPerSecond: 1000000}}
      totals: {fraud: {requestsPerSecond: 1000000000}}
      criticality: {}
      """;
  private static final int MASK = (1 << 17) - 1;
  private static final int BYTES = 1_024;
  private static final long NANOS_BETWEEN_CALLS = 10_000;
  private static final Headers HEADERS = name -> null;

  /** Callers, taken in random order. */
  @Param({"100", "100000"})
  int principals;

  private final Notes notes = new Notes();
  private final Principal[] callers = new Principal[MASK + 1];
  private final Admission bare =
      new Admission(ConfigFile.parse("bare", "{}", LimitSettings::read), 0);
  private final Admission whole =
      new Admission(ConfigFile.parse("whole", EVERYTHING, LimitSettings::read), 0);
  private final GradientLimit limit =
      new GradientLimit(GradientSettings.DEFAULT, ClassShares.ALIKE, this::now);
  private long now;
  private int next;

  /** Callers whose buckets are there already. */
  @Setup
  public void prepare() {
    Principal[] distinct = new Principal[principals];
    for (int i = 0; i < principals; i++) {
      distinct[i] = new Principal("principal-" + i, Grant.OPEN);
    }
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < callers.length; i++) {
      callers[i] = distinct[i < principals ? i : random.nextInt(principals)];
    }
    for (int i = 0; i < callers.length; i++) {
      nothingConfigured();
      everythingConfigured();
    }
  }

  private long now() {
    return now;
  }

  /** The cost of what is always there. */
  @Benchmark
  public Criticality nothingConfigured() {
    return call(bare);
  }

  /** The cost of all quotas, classes and the forecast. */
  @Benchmark
  public Criticality everythingConfigured() {
    return call(whole);
  }

  private Criticality call(Admission admission) {
    Principal caller = callers[next++ & MASK];
    String name = caller.name();
    now += NANOS_BETWEEN_CALLS;
    long deadlineNanos = now + 1_000_000_000;
    Criticality criticality = admission.classOf(caller, HEADERS);
    admission.enter(name, criticality, Method.INFER, deadlineNanos, now);
    admission.takeBytes(criticality, BYTES);
    admission.takeMessage(name, criticality, Method.INFER, "fraud", BYTES, now, now, notes);
    admission.checkTime(criticality, "", "fraud", 1_000_000_000, now);
    admission.answered("fraud", 1_000_000, now);
    admission.giveBack(BYTES);
    admission.leave();
    return criticality;
  }

  /** A place at a backend, taken and given back. */
  @Benchmark
  public boolean backendLimit() {
    now += NANOS_BETWEEN_CALLS;
    boolean room = limit.tryAcquire(Criticality.DEFAULT);
    limit.released(1_000_000, false);
    return room;
  }
}
