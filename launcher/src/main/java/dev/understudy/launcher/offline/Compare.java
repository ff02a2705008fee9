package dev.understudy.launcher.offline;

import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.launcher.offline.OfflineException.Kind;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.OutputKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Two versions answer the rows of a file, and what they answer is judged as a rollout's copies are.
 *
 * <p>Rows are taken in an order drawn from the seed, because the evidence is worked out as it comes
 * in and a sorted file would look like a version that changes. Each call goes to both versions and
 * once more to the first, in an order drawn anew, one after the other; several rows are under way
 * at once.
 */
public final class Compare {
  private static final long MOST_BYTES = 1L << 30;

  /** About what a row takes beside its inputs: its name, its object, its arrays. */
  private static final long ROW_BYTES = 150;

  private static final int MOST_FAILURES_IN_A_ROW = 20;
  private static final long CUT_NANOS = 1_000_000_000L;

  /** What is done about rows in which a feature is missing. */
  public enum Missing {
    /** They are sent with NaN; refused where the datatype has none. */
    NAN,
    /** They are left out, and counted. */
    SKIP,
    /** The first one ends it. */
    REFUSE
  }

  /**
   * What is compared and how.
   *
   * @param champion version A
   * @param challenger version B
   * @param options how servers are reached
   * @param contract the data contract, or null for the one beside A's version folder, if any
   * @param label name of the column with what turned out to be true, or null
   * @param id name of the column by which rows are called, or null for their lines
   * @param ignored columns that are left out
   * @param batch rows per call; 0 for what suits the model, which is 1 where it can be chosen
   * @param limit rows that are read at most
   * @param concurrency rows under way at once, at least 1
   * @param timeout of each call
   * @param log where the evidence log is written, or null
   */
  public record Options(
      Subject champion,
      Subject challenger,
      ChannelOptions options,
      Path data,
      char delimiter,
      @Nullable String label,
      @Nullable String id,
      Set<String> ignored,
      Missing missing,
      @Nullable Path contract,
      @Nullable Path plan,
      Intent intent,
      boolean control,
      int batch,
      long limit,
      long seed,
      int concurrency,
      Duration timeout,
      @Nullable Path log) {
    /** Keeps its own copy of the set. */
    public Options {
      ignored = Set.copyOf(ignored);
    }
  }

  /**
   * What came of it.
   *
   * @param rows that were asked
   * @param skipped rows in which a feature was missing
   * @param calls to each version
   * @param rowsPerCall rows of a call; the last may have fewer
   * @param nanos it took
   */
  public record Result(
      EvidenceReport report, long rows, long skipped, long calls, int rowsPerCall, long nanos) {}

  /** A row as it is sent. */
  private static final class Encoded {
    private final long line;
    private final String id;
    private final byte[][] inputs;
    private final double truth;

    Encoded(long line, String id, byte[][] inputs, double truth) {
      this.line = line;
      this.id = id;
      this.inputs = inputs;
      this.truth = truth;
    }
  }

  private record Table(List<Encoded> rows, long skipped, int rowsPerCall, Layout layout) {}

  private final Options options;
  private final TimeSource time = TimeSource.system();
  private final AtomicInteger failuresInARow = new AtomicInteger();
  private final AtomicReference<@Nullable OfflineException> failure = new AtomicReference<>();

  /** A comparison to run once. */
  public Compare(Options options) {
    this.options = options;
  }

  /**
   * Compares; returns when every row has been answered or has failed.
   *
   * @throws OfflineException when no comparison could take place
   * @throws IOException when a file cannot be read or written
   */
  public Result run() throws IOException, OfflineException, InterruptedException {
    try (Pairing pairing =
        Pairing.open(options.champion(), options.challenger(), options.options())) {
      ModelMetadataResponse champion = pairing.champion().metadata();
      ModelMetadataResponse challenger = pairing.challenger().metadata();
      Signatures.check(pairing, champion, challenger);
      DataContract contract =
          Contracts.open(Contracts.read(Contracts.file(options.contract(), options.champion())));
      Table table = table(champion, contract);
      if (options.label() != null) {
        contract = Contracts.withScore(contract, champion);
      }
      EvaluationSpec spec = spec(pairing, champion, challenger, contract);
      try (Recorder recorder = new Recorder(spec, false, time, writer());
          ExecutorService counting =
              Executors.newSingleThreadExecutor(
                  Thread.ofPlatform().daemon().name("compare-counting").factory())) {
        return ask(pairing, table, recorder, counting);
      }
    }
  }

  private EvidenceFile.@Nullable Writer writer() throws IOException {
    return options.log() == null ? null : EvidenceFile.write(options.log());
  }

  private EvaluationSpec spec(
      Pairing pairing,
      ModelMetadataResponse champion,
      ModelMetadataResponse challenger,
      DataContract contract)
      throws IOException, OfflineException {
    boolean labels = options.label() != null;
    return Judgement.spec(
        "compare-" + options.data().getFileName(),
        pairing.model(),
        new Judgement.Aim(
            options.intent(),
            options.plan(),
            options.control(),
            labels,
            contract.getDecision().getKind() == OutputKind.LABELS),
        new Judgement.Named(
            pairing.champion().shownAs(), champion.getPropertiesOrDefault("digest", "")),
        new Judgement.Named(
            pairing.challenger().shownAs(), challenger.getPropertiesOrDefault("digest", "")),
        contract,
        options.seed(),
        time.wallMillis());
  }

  private Table table(ModelMetadataResponse model, DataContract contract)
      throws IOException, OfflineException {
    try (Rows rows = Rows.open(options.data(), options.delimiter())) {
      Set<String> others = new HashSet<>(options.ignored());
      int label = column(rows, options.label(), "--label", others);
      int id = column(rows, options.id(), "--id", others);
      for (String name : options.ignored()) {
        column(rows, name, "--ignore", others);
      }
      Layout layout = Layout.of(rows, model, contract, others);
      int rowsPerCall = layout.rowsPerCall(options.batch());
      List<Encoded> encoded = new ArrayList<>();
      long bytes = 0;
      long skipped = 0;
      for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
        if (encoded.size() == options.limit()) {
          break;
        }
        if (options.missing() != Missing.NAN && layout.incomplete(row)) {
          if (options.missing() == Missing.REFUSE) {
            throw new OfflineException(
                Kind.DATA,
                options.data()
                    + ":"
                    + row.line()
                    + ": a value is missing (expected: none, as"
                    + " --missing refuse says)");
          }
          skipped++;
          continue;
        }
        byte[][] inputs = layout.encode(rows, row);
        bytes += ROW_BYTES + Arrays.stream(inputs).mapToLong(input -> input.length).sum();
        if (bytes > MOST_BYTES) {
          throw new OfflineException(
              Kind.DATA,
              options.data()
                  + ":"
                  + row.line()
                  + ": more than 1 GiB of rows (expected: less, or"
                  + " --limit "
                  + encoded.size()
                  + ")");
        }
        encoded.add(
            new Encoded(
                row.line(),
                id < 0 ? "line " + row.line() : row.cells().get(id),
                inputs,
                label < 0 ? Double.NaN : truth(rows, row, label)));
      }
      int least = layout.isFixed() ? rowsPerCall : 1;
      if (encoded.size() < least) {
        throw new OfflineException(
            Kind.DATA,
            options.data()
                + ": "
                + encoded.size()
                + " rows to send (expected: at least "
                + least
                + ")");
      }
      shuffle(encoded);
      return new Table(encoded, skipped, rowsPerCall, layout);
    }
  }

  private static int column(Rows rows, @Nullable String name, String option, Set<String> others)
      throws OfflineException {
    if (name == null) {
      return -1;
    }
    int column = rows.names().indexOf(name);
    if (column < 0) {
      throw rows.inHeader(
          option + " " + name + ": no such column (expected: one of " + rows.names() + ")");
    }
    others.add(name);
    return column;
  }

  private static double truth(Rows rows, Rows.Row row, int label) throws OfflineException {
    String cell = row.cells().get(label);
    String column = rows.names().get(label);
    double truth;
    try {
      truth = Cells.number(cell);
    } catch (NumberFormatException e) {
      throw rows.at(row.line(), column, "'" + cell + "' (expected: a number, true or false)");
    }
    if (truth < 0 || truth > 1) {
      throw rows.at(
          row.line(),
          column,
          "'" + cell + "' (expected: 0 to 1; only outcomes of decisions are judged)");
    }
    return truth;
  }

  /** Fisher and Yates. */
  private void shuffle(List<Encoded> rows) {
    SplittableRandom random = new SplittableRandom(options.seed());
    for (int i = rows.size() - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      Encoded held = rows.get(i);
      rows.set(i, rows.get(j));
      rows.set(j, held);
    }
  }

  private Result ask(Pairing pairing, Table table, Recorder recorder, Executor counting)
      throws IOException, OfflineException, InterruptedException {
    Trio.Callers callers =
        new Trio.Callers(
            pairing.champion(), pairing.challenger(), options.control(), options.timeout());
    SplittableRandom random = new SplittableRandom(options.seed() ^ 0x9e3779b97f4a7c15L);
    Semaphore free = new Semaphore(options.concurrency());
    long start = time.nanoTime();
    long cut = start;
    long calls = 0;
    long asked = 0;
    for (int at = 0; at < table.rows().size() && failure.get() == null; ) {
      int size = Math.min(table.rowsPerCall(), table.rows().size() - at);
      List<Encoded> rows = table.rows().subList(at, at + size);
      at += size;
      if (size < table.rowsPerCall() && table.layout().isFixed()) {
        break; // The model cannot take the rest.
      }
      free.acquire();
      calls++;
      asked += size;
      var _ =
          callers
              .ask(name(rows), table.layout().request(inputs(rows)), false, random.nextLong())
              .thenAcceptAsync(trio -> took(trio, rows, recorder), counting)
              .whenComplete((done, thrown) -> {
                if (thrown != null) {
                  failure.compareAndSet(
                      null, new OfflineException(Kind.MODEL, "cannot compare: " + thrown));
                }
                free.release();
              });
      if (time.nanoTime() - cut >= CUT_NANOS) {
        recorder.cut();
        cut = time.nanoTime();
      }
    }
    free.acquire(options.concurrency());
    OfflineException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
    return new Result(
        recorder.finish(),
        asked,
        table.skipped(),
        calls,
        table.rowsPerCall(),
        time.nanoTime() - start);
  }

  private static String name(List<Encoded> rows) {
    return rows.size() == 1
        ? rows.getFirst().id
        : rows.getFirst().id + " and " + (rows.size() - 1) + " more";
  }

  private static List<byte[][]> inputs(List<Encoded> rows) {
    return rows.stream().map(row -> row.inputs).toList();
  }

  private void took(Trio trio, List<Encoded> rows, Recorder recorder) {
    if (trio.champion().ok()) {
      failuresInARow.set(0);
    } else if (failuresInARow.incrementAndGet() >= MOST_FAILURES_IN_A_ROW) {
      failure.compareAndSet(
          null,
          new OfflineException(
              Kind.MODEL,
              options.champion().shortName()
                  + " failed "
                  + MOST_FAILURES_IN_A_ROW
                  + " times in a row, so there is nothing to compare with; line "
                  + rows.getFirst().line
                  + ": "
                  + trio.champion().error()));
    }
    recorder.trio(trio);
    if (options.label() != null) {
      recorder.labels(
          trio,
          rows.stream().mapToLong(row -> row.line).toArray(),
          rows.stream().mapToDouble(row -> row.truth).toArray());
    }
  }
}
